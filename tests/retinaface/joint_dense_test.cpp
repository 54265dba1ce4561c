#include "retinaface/training/joint_dense.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "engine/check.hpp"
#include "retinaface/training/head_learner.hpp"
#include "tests/model_fixture.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/silent_dense_model.hpp"

namespace rf::test {

namespace {

constexpr Index kSide = 160;

constexpr Index kBackbone = 64;  // channels of the light backbone's finest level

ModelConfig light() { return parse_model_config(light_model_description()); }

// Two pictures of noise; on the first a face with points, `size` pixels large.
Batch batch_with_face(const ModelConfig& config, float size) {
  LabelledFace face{.box = {20, 30, 20 + size, 30 + size}, .landmarks = {}};
  const auto at = [&](float x, float y) { return Point{20 + x * size, 30 + y * size}; };
  face.landmarks = {at(0.3F, 0.4F), at(0.7F, 0.4F), at(0.5F, 0.6F), at(0.35F, 0.8F),
                    at(0.65F, 0.8F)};
  const std::vector<PictureLabels> labels{{.faces = {face}, .ignored = {}}, {}};
  const AnchorGrid anchors(config.anchors, kSide, kSide);
  return {.image = random_tensor({2, 3, kSide, kSide}, 5),
          .targets = make_targets(anchors, labels, config.coding),
          .labels = labels};
}

Var learning_map(Index channels, Index stride, std::uint64_t seed) {
  Var map(random_tensor({2, channels, kSide / stride, kSide / stride}, seed));
  map.set_requires_grad(true);
  return map;
}

// Stages of a network that has only what the branch reads.
RetinaFace::Stages random_stages(const ModelConfig& config) {
  RetinaFace::Stages stages;
  for (const AnchorLevel& level : config.anchors) {
    stages.context.push_back(
        learning_map(config.neck.channels, level.stride, 7 + stages.context.size()));
  }
  stages.backbone.push_back(learning_map(kBackbone, 8, 17));
  return stages;
}

// The branch of silent_dense_model(), whose head also reads two maps at the five landmarks, and
// colours.
DenseModel model_with_points(const ModelConfig& config) {
  DenseModel model = silent_dense_model(config, "this one");
  DenseHeadConfig head = model.head->config;
  head.shared = true;
  head.points = parse_feature_maps("backbone.0,context.1");
  head.point_channels = kBackbone + config.neck.channels;
  head.colours = 3;
  model.head->config = head;
  model.head->state = make_new_head(head, 3)->state_dict();
  return model;
}

double largest(const Tensor& t, Index begin, Index end) {
  double most = 0;
  for (Index i = begin; i < end; ++i)
    most = std::max(most, std::abs(static_cast<double>(t.data<float>()[i])));
  return most;
}

}  // namespace

TEST_CASE("joint dense: the loss reaches the features of the faces' anchors, and no others",
          "[joint_dense]") {
  const TemporaryFolder folder;
  const ModelConfig config = light();
  write_dense_model(folder.file("d.safetensors"), silent_dense_model(config, "another"),
                    IfExists::refuse);
  JointDense joint(folder.file("d.safetensors"), config, RetinaFace(config), "", 1);
  const RetinaFace::Stages stages = random_stages(config);
  const Var loss = joint.loss(stages, batch_with_face(config, 80));
  REQUIRE(loss.value().numel() == 1);
  const double value = static_cast<double>(*loss.value().data<float>());
  CHECK(value > 0.01);
  CHECK(value < 3);
  loss.backward();
  double reached = 0;
  for (const Var& map : stages.context) {
    if (map.grad().numel() == 0) continue;
    const Index half = map.grad().numel() / 2;
    reached = std::max(reached, largest(map.grad(), 0, half));
    CHECK(largest(map.grad(), half, 2 * half) == 0);  // no face on the second picture
  }
  CHECK(reached > 0);
  for (const auto& [name, var] : joint.head().named_parameters()) {
    if (var.grad().numel() > 0) reached += largest(var.grad(), 0, var.grad().numel());
  }
  CHECK(std::isfinite(reached));
}

// The pixels' own gradient jumps where a triangle ends, so the features' is compared, not the
// loss's: a head that is a sum of all that it reads.
TEST_CASE("joint dense: maps at the five landmarks are read as detection reads them, and learn",
          "[joint_dense][grad]") {
  const TemporaryFolder folder;
  const ModelConfig config = light();
  write_dense_model(folder.file("d.safetensors"), model_with_points(config), IfExists::refuse);
  const JointDense joint(folder.file("d.safetensors"), config, RetinaFace(config), "this one", 1);
  CHECK(joint.head().config().points == parse_feature_maps("backbone.0,context.1"));
  const RetinaFace::Stages stages = random_stages(config);
  const Batch batch = batch_with_face(config, 80);
  const Var loss = joint.loss(stages, batch);
  REQUIRE(loss.value().numel() == 1);
  loss.backward();
  const AnchorLevel& cells = config.anchors[0];
  const Tensor& gradient = stages.backbone[0].grad();
  REQUIRE(gradient.numel() > 0);
  const Index side = kSide / 8, plane = side * side;
  // Exactly the cells around the five points, on the first picture.
  std::set<Index> wanted, found;
  for (const Point& p : *batch.labels[0].faces[0].landmarks) {
    const MapPlace place =
        map_place(static_cast<double>(p.x), static_cast<double>(p.y), cells, side, side);
    for (const MapPlace::Corner& corner : place.corners) {
      if (corner.weight > 1e-3F) wanted.insert(corner.row * side + corner.column);
    }
  }
  for (Index i = 0; i < plane; ++i) {
    if (std::abs(gradient.data<float>()[i]) > 1e-9F) found.insert(i);
  }
  CHECK(found == wanted);
  CHECK(largest(gradient, kBackbone * plane, 2 * kBackbone * plane) == 0);
  CHECK(largest(stages.context[1].grad(), 0, stages.context[1].grad().numel() / 2) > 0);
  // Of one face, a weight's gradient is in proportion to what it reads: the colours of the picture
  // behind the batch.
  const DenseHeadConfig& head = joint.head().config();
  for (const auto& [name, var] : joint.head().named_parameters()) {
    if (name != "out.0.weight") continue;
    const Index in = var.shape()[1];
    REQUIRE(in == head.features() + DenseHead::kInputs);
    for (Index c = head.of_detector(); c < head.features(); ++c) {
      double most = 0;
      for (Index row = 0; row < var.shape()[0]; ++row)
        most = std::max(most, largest(var.grad(), row * in + c, row * in + c + 1));
      CHECK(most > 0);
    }
  }

  RetinaFace::Stages less = random_stages(config);
  less.backbone.clear();
  CHECK_THROWS_AS(joint.loss(less, batch), ShapeError);
}

TEST_CASE("joint dense: a new head is as wide as the maps of its network", "[joint_dense]") {
  const TemporaryFolder folder;
  const ModelConfig config = light();
  ModelConfig other = config;
  other.backbone.name = "resnet18";
  const RetinaFace network(other);
  const std::string path = folder.file("d.safetensors");
  write_dense_model(path, model_with_points(config), IfExists::refuse);
  const DenseHeadConfig head = JointDense(path, other, network, "", 1).head().config();
  CHECK(head.points == parse_feature_maps("backbone.0,context.1"));
  CHECK(head.point_channels == 128 + config.neck.channels);
  CHECK(head.colours == 3);
  check_refused<UsageError>([&] { (void)JointDense(path, other, network, "this one", 1); },
                            {"--dense", "128 channels at the five landmarks", "192"});
}

TEST_CASE("joint dense: faces that are too small, or none, give nothing", "[joint_dense]") {
  const TemporaryFolder folder;
  const ModelConfig config = light();
  write_dense_model(folder.file("d.safetensors"), silent_dense_model(config, "another"),
                    IfExists::refuse);
  const JointDense joint(folder.file("d.safetensors"), config, RetinaFace(config), "", 1);
  CHECK(joint.loss(random_stages(config), batch_with_face(config, 40)).value().numel() == 0);
}

TEST_CASE("joint dense: a head goes on only with the detector that it was trained for",
          "[joint_dense]") {
  const TemporaryFolder folder;
  const ModelConfig config = light();
  const std::string path = folder.file("d.safetensors");
  write_dense_model(path, silent_dense_model(config, "this one"), IfExists::refuse);
  const auto weight = [&](const std::string& detector) {
    const JointDense joint(path, config, RetinaFace(config), detector, 1);
    const Tensor w = joint.head().state_dict().at("out.0.weight");
    return largest(w, 0, w.numel());
  };
  CHECK(weight("this one") == 0);  // the file's, which says nothing
  CHECK(weight("another") > 0);
  const DenseModel after =
      JointDense(path, config, RetinaFace(config), "", 1).model("new", "a test");
  REQUIRE(after.head);
  CHECK(after.head->detector_sha256 == "new");
  CHECK(after.provenance == "made by a test; then a test");

  ModelConfig other = config;
  other.neck.channels = 32;
  check_refused<UsageError>([&] { (void)JointDense(path, other, RetinaFace(other), "", 1); },
                            {"--dense", "64 channels", "32"});
}

}  // namespace rf::test
