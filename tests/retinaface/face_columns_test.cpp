// Pipeline::detect_columns and candidate_columns, and what is made of their rows.
#include <algorithm>
#include <cstring>
#include <set>

#include "engine/image_resize.hpp"
#include "engine/ops/slice.hpp"
#include "engine/random.hpp"
#include "retinaface/dense/recognised.hpp"
#include "retinaface/pipeline.hpp"
#include "tests/model_fixture.hpp"
#include "tests/noise_image.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

LoadedModel random_model() {
  ModelConfig config = parse_model_config(light_model_description());
  return {"in memory", "none", "", config, random_weights(config, 3)};
}

bool same_face(const Face& a, const Face& b) { return std::memcmp(&a, &b, sizeof(Face)) == 0; }

bool same_columns(const FaceColumns& a, const FaceColumns& b) {
  return std::ranges::equal(a.faces, b.faces, same_face) && a.groups == b.groups &&
         same_bits(a.features, b.features);
}

Tensor feature_row(const FaceColumns& columns, std::size_t i) {
  return columns.features.rows(static_cast<Index>(i), static_cast<Index>(i) + 1).clone();
}

}  // namespace

TEST_CASE("face columns: the faces are those of detect, bit for bit, at any size",
          "[face_columns]") {
  for (const char* const size : {"original", "long:64", "scale:1.5"}) {
    const Pipeline pipeline(random_model(), {.score = 0.45F, .nms = {}, .size = size});
    for (const auto& [width, height] : std::vector<std::pair<Index, Index>>{{97, 61}, {40, 110}}) {
      CAPTURE(size, width, height);
      const Image image = noise_image(width, height);
      const std::vector<Face> faces = pipeline.detect(image);
      const FaceColumns columns = pipeline.detect_columns(image);
      CHECK(faces.size() > 3);
      CHECK(std::ranges::equal(columns.faces, faces, same_face));
      CHECK(columns.groups.size() == faces.size());
      CHECK(columns.features.shape() == Shape{static_cast<Index>(faces.size()), 64});
    }
  }
}

// The model's own layers say what a feature is: the context map's column at the anchor's cell.
TEST_CASE("face columns: features are the context maps' columns at the anchors", "[face_columns]") {
  const DetectorOptions options{.score = 0.6F, .nms = {}, .size = "original"};
  const Pipeline pipeline(random_model(), options);
  const Image image = noise_image(97, 61);
  const Tensor input = pipeline.preprocess(image);
  RetinaFace network(pipeline.model().config);
  network.load_state_dict(pipeline.model().tensors);
  const std::vector<Var> context = network.forward_stages(Var(input)).context;
  REQUIRE(context.size() == 3);
  double largest = 0;
  for (const Var& map : context) {
    for (const float x : map.value().span<float>())
      largest = std::max(largest, std::abs(static_cast<double>(x)));
  }
  const NetworkOutputs outputs = pipeline.network(input);
  CHECK(outputs.context.empty());  // the plan of detect() does not compute more than it must
  const AnchorGrid grid(pipeline.model().config.anchors, 97, 61);
  const FaceColumns columns = pipeline.candidate_columns(image);
  std::size_t row = 0;
  std::set<Index> groups;
  double worst = 0;
  for (Index i = 0; i < grid.count(); ++i) {
    if (!(outputs.score.data<float>()[2 * i + 1] > options.score)) continue;
    REQUIRE(row < columns.faces.size());
    CHECK(columns.faces[row].score == outputs.score.data<float>()[2 * i + 1]);
    const AnchorGrid::Place at = grid.place(i);
    CHECK(columns.groups[row] == 2 * at.level + at.rank);
    groups.insert(columns.groups[row]);
    const Tensor& map = context[static_cast<std::size_t>(at.level)].value();
    const Index plane = map.shape()[2] * map.shape()[3];
    for (Index c = 0; c < 64; ++c) {
      const float here = map.data<float>()[c * plane + at.row * map.shape()[3] + at.column];
      const float there = columns.features.data<float>()[static_cast<Index>(row) * 64 + c];
      worst = std::max(worst, std::abs(static_cast<double>(here) - static_cast<double>(there)));
    }
    ++row;
  }
  CHECK(row == columns.faces.size());
  CHECK(groups.size() > 2);
  CHECK(largest > 0);
  CHECK(worst < 1e-4 * largest);
}

TEST_CASE(
    "face columns: maps at the landmarks come after the anchor's column, as many as asked for",
    "[face_columns]") {
  const DetectorOptions options{.score = 0.6F, .nms = {}, .size = "scale:1.5"};
  Pipeline pipeline(random_model(), options);
  const Image image = noise_image(65, 41);
  const FaceColumns before = pipeline.detect_columns(image);
  REQUIRE(before.faces.size() > 3);
  CHECK(pipeline.features() == 64);
  const std::vector<FeatureMap> maps = parse_feature_maps("backbone.1,context.0");
  pipeline.read_points(maps);
  CHECK(pipeline.points() == maps);
  REQUIRE(pipeline.features() == 64 + 5 * (128 + 64));
  const FaceColumns after = pipeline.detect_columns(image);
  CHECK(std::ranges::equal(after.faces, before.faces, same_face));
  CHECK(after.groups == before.groups);

  RetinaFace network(pipeline.model().config);
  network.load_state_dict(pipeline.model().tensors);
  const RetinaFace::Stages stages = network.forward_stages(Var(pipeline.preprocess(image)));
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < after.faces.size(); ++i) {
    const auto row = static_cast<Index>(i);
    CHECK(same_bits(before.features.rows(row, row + 1),
                    slice(after.features.rows(row, row + 1), 1, 0, 64)));
    const float* found = after.features.data<float>() + row * pipeline.features() + 64;
    for (const FeatureMap& map : maps) {
      const Tensor& m = map_of(stages, map).value();
      const double stride = map.level == 0 ? 8 : 16;
      for (const Point& p : after.faces[i].landmarks) {
        // In cells from the middle of the first; the network sees the picture as 98 x 62.
        const auto cell = [&](float at, double scale, Index count) {
          return std::clamp(static_cast<double>(at) * scale / stride - 0.5, 0.0,
                            static_cast<double>(count - 1));
        };
        const double x = cell(p.x, 98.0 / 65, m.shape()[3]), y = cell(p.y, 62.0 / 41, m.shape()[2]);
        for (Index c = 0; c < m.shape()[1]; ++c, ++found) {
          double wanted = 0;
          for (Index v = 0; v < m.shape()[2]; ++v) {
            for (Index u = 0; u < m.shape()[3]; ++u) {
              const double near = std::max(0.0, 1 - std::abs(x - static_cast<double>(u))) *
                                  std::max(0.0, 1 - std::abs(y - static_cast<double>(v)));
              wanted += near * static_cast<double>(
                                   m.data<float>()[(c * m.shape()[2] + v) * m.shape()[3] + u]);
            }
          }
          worst = std::max(worst, std::abs(wanted - static_cast<double>(*found)));
          largest = std::max(largest, std::abs(wanted));
        }
      }
    }
  }
  CHECK(largest > 0);
  CHECK(worst < 1e-4 * largest);

  pipeline.read_points({});
  CHECK(same_columns(pipeline.detect_columns(image), before));
  check_refused<UsageError>([&] { pipeline.read_points(parse_feature_maps("pyramid.3")); },
                            {"pyramid.3", "3 levels"});
}

TEST_CASE("face columns: candidates are all above the score, and hold what NMS keeps",
          "[face_columns]") {
  const Pipeline pipeline(random_model(), {.score = 0.55F, .nms = {}, .size = "original"});
  const Image image = noise_image(97, 61);
  const FaceColumns all = pipeline.candidate_columns(image), kept = pipeline.detect_columns(image);
  const std::vector<Face> candidates =
      pipeline.candidates(image, {.scaled = {97, 61}, .canvas = {97, 61}});
  CHECK(std::ranges::equal(all.faces, candidates, same_face));
  REQUIRE(kept.faces.size() > 3);
  CHECK(all.faces.size() > kept.faces.size());
  for (std::size_t i = 0; i < kept.faces.size(); ++i) {
    const auto found = std::ranges::find_if(
        all.faces, [&](const Face& face) { return same_face(face, kept.faces[i]); });
    REQUIRE(found != all.faces.end());
    const auto at = static_cast<std::size_t>(found - all.faces.begin());
    CHECK(all.groups[at] == kept.groups[i]);
    CHECK(same_bits(feature_row(all, at), feature_row(kept, i)));
  }
}

TEST_CASE("face columns: the same bits on any number of threads", "[face_columns]") {
  const Pipeline pipeline(random_model(), {.score = 0.55F, .nms = {}, .size = "original"});
  const Image image = noise_image(97, 61);
  check_same_bits_on_any_threads([&] { return pipeline.detect_columns(image).features; });
  const FaceColumns before = pipeline.candidate_columns(image);
  const WithThreads three(3);
  CHECK(same_columns(pipeline.candidate_columns(image), before));
}

TEST_CASE("face columns: no face, no rows", "[face_columns]") {
  const Pipeline pipeline(random_model(), {.score = 1, .nms = {}, .size = "original"});
  for (const FaceColumns& none : {pipeline.detect_columns(noise_image(40, 30)),
                                  pipeline.candidate_columns(noise_image(40, 30))}) {
    CHECK(none.faces.empty());
    CHECK(none.groups.empty());
    CHECK(none.features.shape() == Shape{0, 64});
  }
  CHECK_THROWS_AS(pipeline.detect_columns(Image{}), ShapeError);
}

TEST_CASE("plan: with context maps the heads stay what they are, to the bit", "[face_columns]") {
  const LoadedModel model = random_model();
  RetinaFace network(model.config);
  network.load_state_dict(model.tensors);
  PlanCache heads(network), both(network, PlanOutputs::heads_and_context);
  const Tensor image = random_tensor({1, 3, 61, 97}, 3);
  const NetworkOutputs a = heads.run(image), b = both.run(image);
  CHECK(same_bits(a.score, b.score));
  CHECK(same_bits(a.box, b.box));
  CHECK(same_bits(a.landmark, b.landmark));
  CHECK(a.context.empty());
  REQUIRE(b.context.size() == 3);
  CHECK(b.context[0].shape() == Shape{64, 8, 13});
  CHECK(b.context[1].shape() == Shape{64, 4, 7});
  CHECK(b.context[2].shape() == Shape{64, 2, 4});
}

TEST_CASE("anchors: a place leads back to the anchor's number", "[face_columns]") {
  const std::vector<AnchorLevel> levels = {
      {8, 4, {16, 32}}, {16, 8, {64, 128, 200}}, {32, 16, {256}}};
  const AnchorGrid grid(levels, 61, 35);
  Index index = 0;
  for (std::size_t l = 0; l < levels.size(); ++l) {
    const AnchorLevel& level = levels[l];
    for (Index row = 0; row * level.stride < 35; ++row) {
      for (Index column = 0; column * level.stride < 61; ++column) {
        for (std::size_t rank = 0; rank < level.sizes.size(); ++rank, ++index) {
          REQUIRE(index < grid.count());
          const AnchorGrid::Place at = grid.place(index);
          CHECK(at.level == static_cast<Index>(l));
          CHECK(at.row == row);
          CHECK(at.column == column);
          CHECK(at.rank == static_cast<Index>(rank));
          CHECK(grid[index].size == level.sizes[rank]);
        }
      }
    }
  }
  CHECK(index == grid.count());
}

namespace {

// A face and its synthetic truth, by boxes alone.
Face face(float x1, float y1, float x2, float y2, float score) {
  return {x1, y1, x2, y2, score, {}};
}
SyntheticFace truth(float x1, float y1, float x2, float y2) {
  SyntheticFace made;
  made.box = {x1, y1, x2, y2};
  return made;
}

}  // namespace

TEST_CASE("recognised: each detection is the face that it overlaps by more than half",
          "[face_columns]") {
  const std::vector<SyntheticFace> faces{truth(0, 0, 10, 10), truth(20, 0, 40, 20),
                                         truth(60, 60, 61, 61)};
  FaceColumns found{
      .faces = {face(0, 0, 10, 9, 0.5F), face(0, 0, 10, 5, 0.9F), face(21, 1, 40, 20, 0.6F),
                face(0, 0, 10, 10, 0.7F), face(0, 1, 10, 10, 0.7F), face(100, 100, 110, 110, 0.8F)},
      .groups = {0, 1, 2, 3, 4, 5},
      .features = random_tensor({6, 4}, 1)};
  const Recognised one = recognised(found, faces, 1), two = recognised(found, faces, 2),
                   many = recognised(found, faces, 9);
  // Exactly half (row 1) is not more than half; of rows 3 and 4 with one score the first is taken.
  CHECK(one.rows == std::vector<Index>{2, 3});
  REQUIRE(one.faces.size() == 2);
  CHECK(one.faces[0] == &faces[1]);
  CHECK(one.faces[1] == faces.data());
  CHECK(two.rows == std::vector<Index>{2, 3, 4});
  CHECK(many.rows == std::vector<Index>{0, 2, 3, 4});
  CHECK(recognised(found, {}, 3).rows.empty());

  const FaceColumns part = chosen(found, two.rows);
  CHECK(part.groups == std::vector<Index>{2, 3, 4});
  CHECK(part.faces[0].score == 0.6F);
  CHECK(same_bits(feature_row(part, 1), feature_row(found, 3)));
  const FaceColumns none = chosen(found, {});
  CHECK(none.faces.empty());
  CHECK(none.features.shape() == Shape{0, 4});
  const FaceColumns all = joined({part, none, found});
  CHECK(all.faces.size() == 9);
  CHECK(all.groups == std::vector<Index>{2, 3, 4, 0, 1, 2, 3, 4, 5});
  CHECK(same_bits(feature_row(all, 3), feature_row(found, 0)));
}

}  // namespace rf::test
