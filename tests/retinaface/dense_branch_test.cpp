#include "retinaface/dense/dense_branch.hpp"

#include <algorithm>
#include <cmath>

#include "retinaface/dense/five_point_pose.hpp"
#include "retinaface/dense/picture_points.hpp"
#include "tests/model_fixture.hpp"
#include "tests/noise_image.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/retinaface/dense_fixture.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

// Faces side by side, each a little different, and the points of a square mesh in each.
FaceColumns some_faces() {
  FaceColumns columns{.faces = {}, .groups = {3, 0, 3, 1}, .features = random_tensor({4, 5}, 1)};
  for (int i = 0; i < 4; ++i) {
    const auto x = static_cast<float>(100 * i), s = static_cast<float>(30 + 5 * i);
    columns.faces.push_back({x,
                             10,
                             x + s,
                             10 + s,
                             0.9F,
                             {{{x + 2, 12},
                               {x + s, 11},
                               {x + s / 2 + 1, 10 + s / 2},
                               {x + s - 2, 8 + s},
                               {x, 10 + s}}}});
  }
  return columns;
}

FaceColumns one_of(const FaceColumns& all, std::size_t i) {
  const auto row = static_cast<Index>(i);
  return {.faces = {all.faces[i]},
          .groups = {all.groups[i]},
          .features = all.features.rows(row, row + 1).clone()};
}

double at(const Tensor& t, Index i) { return static_cast<double>(t.data<float>()[i]); }

}  // namespace

TEST_CASE("dense rows: groups together, each row with its face's square, points and camera",
          "[dense_branch]") {
  const DenseModel model = tiny_dense_model();
  const FivePlaces mean = five_places(mean_face(model), model.landmarks5);
  CHECK(mean[2] == std::array<double, 3>{0, 0, 3});
  CHECK(mean[3] == std::array<double, 3>{5, -5, 0});
  const FaceColumns faces = some_faces();
  const DenseRows rows = dense_rows(faces, mean, model.head->config);
  CHECK(rows.order == std::vector<Index>{1, 3, 0, 2});  // within a group as they came
  CHECK(rows.inputs.counts == std::vector<Index>{1, 1, 0, 2});
  REQUIRE(rows.squares.size() == 4);
  for (std::size_t r = 0; r < 4; ++r) {
    const auto i = static_cast<std::size_t>(rows.order[r]);
    const Face& face = faces.faces[i];
    const SquareCrop square = square_around({face.x1, face.y1, face.x2, face.y2});
    CHECK(rows.squares[r].x == square.x);
    CHECK(rows.squares[r].side == square.side);
    const auto row = [&](const Tensor& all, const Shape& shape) {
      const auto at_row = static_cast<Index>(r);
      return all.rows(at_row, at_row + 1).clone().reshaped(shape);
    };
    CHECK(same_bits(row(rows.inputs.five, {5, 2}), in_square(face.landmarks, square)));
    CHECK(same_bits(row(rows.inputs.camera, {7}), five_point_camera(mean, face.landmarks, square)));
    CHECK(same_bits(row(rows.inputs.features.value(), {1, 5}), one_of(faces, i).features));
  }
}

TEST_CASE("dense branch: faces are read in their order, each as it would be alone",
          "[dense_branch]") {
  const Image picture = noise_image(420, 90);
  const DenseBranch branch(tiny_dense_model(4));
  const FaceColumns faces = some_faces();
  const std::vector<DenseFace> all = branch.read(picture, faces);
  REQUIRE(all.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::vector<DenseFace> alone = branch.read(picture, one_of(faces, i));
    REQUIRE(alone.size() == 1);
    CHECK(all[i].mesh.shape() == Shape{5, 6});
    CHECK(all[i].square.x == alone[0].square.x);
    for (const auto field :
         {&DenseFace::camera, &DenseFace::light, &DenseFace::mesh, &DenseFace::points})
      CHECK(relative_error(all[i].*field, alone[0].*field) < 1e-5);
    CHECK(same_bits(all[i].points, picture_points(all[i].mesh, all[i].camera, all[i].square)));
  }
  check_same_bits_on_any_threads([&] { return branch.read(picture, faces)[2].points; });
  const FaceColumns none{.faces = {}, .groups = {}, .features = Tensor::zeros({0, 5})};
  CHECK(branch.read(picture, none).empty());
}

TEST_CASE("dense branch: a head that reads colours sees the picture", "[dense_branch]") {
  DenseModel model = tiny_dense_model();
  DenseHeadConfig& config = model.head->config;
  config.colours = 3;
  DenseHead head(config);
  initialize(head, {.scheme = InitScheme::xavier_uniform}, 2);
  model.head->state = head.state_dict();
  const DenseBranch branch(model);
  const FaceColumns faces = some_faces();
  const Image picture = noise_image(420, 90);
  const std::vector<DenseFace> read = branch.read(picture, faces);
  const SeenColours seen = seen_colours(model, config);
  const DenseRows rows = dense_rows(seen.added_to(faces, picture),
                                    five_places(mean_face(model), model.landmarks5), config);
  const Tensor cameras = head.forward(rows.inputs).camera.value();
  for (std::size_t r = 0; r < 4; ++r) {
    const auto row = static_cast<Index>(r);
    CHECK(same_bits(read[static_cast<std::size_t>(rows.order[r])].camera,
                    cameras.rows(row, row + 1).clone().reshaped({7})));
  }
  const std::vector<DenseFace> other = branch.read(noise_image(420, 90, 8), faces);
  for (std::size_t i = 0; i < 4; ++i) CHECK_FALSE(same_bits(read[i].code, other[i].code));
}

TEST_CASE("dense branch: the mean face is posed where the five points are", "[dense_branch]") {
  const DenseBranch branch(tiny_dense_model());
  const FaceColumns faces = some_faces();
  const std::vector<DenseFace> posed = branch.posed_mean(faces.faces);
  REQUIRE(posed.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(same_bits(posed[i].mesh, mean_face(branch.model())));
    CHECK(same_bits(posed[i].light, DenseHead::usual_light()));
    for (std::size_t k = 0; k < 5; ++k) {
      const Index v = branch.model().landmarks5[k];
      const Point& p = faces.faces[i].landmarks[k];
      // A square that is not quite one, of 30 to 45 pixels.
      CHECK(at(posed[i].points, 3 * v) == Approx(static_cast<double>(p.x)).margin(2.5));
      CHECK(at(posed[i].points, 3 * v + 1) == Approx(static_cast<double>(p.y)).margin(2.5));
    }
  }
  CHECK(branch.posed_mean({}).empty());
}

TEST_CASE("picture points: where the camera's equation has them, and never NaN", "[dense_branch]") {
  const SquareCrop square{.x = 20, .y = -8, .side = 64};
  const Tensor vertices = tensor({3, 6}, {1, 2, 3, 9, 9, 9, -4, 0, 5, 9, 9, 9, 0, 0, 0, 9, 9, 9});
  const Tensor camera = tensor({7}, {0.5, -0.25, 40, 0, 0, 0, 3});
  const Tensor points = picture_points(vertices, camera, square);
  REQUIRE(points.shape() == Shape{3, 3});
  for (Index v = 0; v < 3; ++v) {
    const double x = at(vertices, 6 * v) + 0.5, y = -at(vertices, 6 * v + 1) - 0.25,
                 z = -at(vertices, 6 * v + 2) + 40;
    CHECK(at(points, 3 * v) == Approx(20 + 64 * (3 * x / z + 0.5)).epsilon(1e-5));
    CHECK(at(points, 3 * v + 1) == Approx(-8 + 64 * (3 * y / z + 0.5)).epsilon(1e-5));
    CHECK(at(points, 3 * v + 2) == Approx(z));
  }
  for (const double depth : {3.0, 5.0, 0.0, -40.0, 1e-30}) {
    const Tensor wild = picture_points(vertices, tensor({7}, {0, 0, depth, 0, 0, 0, 3}), square);
    for (const float p : wild.span<float>()) CHECK(std::isfinite(p));
  }
}

TEST_CASE("dense branch: columns that do not fit the head are refused", "[dense_branch][error]") {
  const Image picture = noise_image(420, 90);
  const DenseBranch branch(tiny_dense_model());
  for (const Index group : {-1, 4, 1000}) {
    FaceColumns faces = some_faces();
    faces.groups[2] = group;
    check_refused([&] { (void)branch.read(picture, faces); }, {"dense_rows", "group", "of 4"});
  }
  FaceColumns wide = some_faces();
  wide.features = Tensor::zeros({4, 6});
  check_refused([&] { (void)branch.read(picture, wide); }, {"dense_rows", "[4, 6]", "[4, 5]"});
  wide.features = Tensor::zeros({3, 5});
  check_refused([&] { (void)branch.read(picture, wide); }, {"dense_rows", "[3, 5]"});
}

TEST_CASE("dense branch: a detector gives the features that the head reads, or is refused",
          "[dense_branch][error]") {
  const ModelConfig config = parse_model_config(light_model_description());
  Pipeline detector({"in memory", "none", "d", config, random_weights(config, 3)}, {});
  DenseModel model = tiny_dense_model();
  DenseHeadConfig& head = model.head->config;
  head.channels = 64;
  head.levels = 3;
  head.points = parse_feature_maps("context.0,backbone.1");
  head.point_channels = 64 + 128;
  read_points(model, detector);
  CHECK(detector.points() == head.points);
  CHECK(detector.features() == head.features());
  const auto refusal = [&] {
    return thrown<ModelError>([&] {
      read_points(model, detector);
      return 0;
    });
  };
  head.point_channels = 128;
  CHECK(holds(refusal(), "other sizes than the detector"));
  head.points = parse_feature_maps("pyramid.3");
  CHECK(holds(refusal(), "no pyramid.3"));
  head.points.clear();
  head.point_channels = 0;
  read_points(model, detector);
  CHECK(detector.features() == 64);
  model.head->detector_sha256 = "another";
  CHECK_THROWS_AS(read_points(model, detector), UsageError);
}

}  // namespace rf::test
