#include "retinaface/training/joint_dense.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/check.hpp"
#include "tests/model_fixture.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/silent_dense_model.hpp"

namespace rf::test {

namespace {

constexpr Index kSide = 160;

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

std::vector<Var> context_maps(const ModelConfig& config) {
  std::vector<Var> maps;
  for (const AnchorLevel& level : config.anchors) {
    const Index cells = kSide / level.stride;
    Var map(random_tensor({2, config.neck.channels, cells, cells}, 7 + maps.size()));
    map.set_requires_grad(true);
    maps.push_back(map);
  }
  return maps;
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
  JointDense joint(folder.file("d.safetensors"), config, "", 1);
  const std::vector<Var> maps = context_maps(config);
  const Var loss = joint.loss(maps, batch_with_face(config, 80));
  REQUIRE(loss.value().numel() == 1);
  const double value = static_cast<double>(*loss.value().data<float>());
  CHECK(value > 0.01);
  CHECK(value < 3);
  loss.backward();
  double reached = 0;
  for (const Var& map : maps) {
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

TEST_CASE("joint dense: faces that are too small, or none, give nothing", "[joint_dense]") {
  const TemporaryFolder folder;
  const ModelConfig config = light();
  write_dense_model(folder.file("d.safetensors"), silent_dense_model(config, "another"),
                    IfExists::refuse);
  const JointDense joint(folder.file("d.safetensors"), config, "", 1);
  CHECK(joint.loss(context_maps(config), batch_with_face(config, 40)).value().numel() == 0);
}

TEST_CASE("joint dense: a head goes on only with the detector that it was trained for",
          "[joint_dense]") {
  const TemporaryFolder folder;
  const ModelConfig config = light();
  const std::string path = folder.file("d.safetensors");
  write_dense_model(path, silent_dense_model(config, "this one"), IfExists::refuse);
  const auto weight = [&](const std::string& detector) {
    const JointDense joint(path, config, detector, 1);
    const Tensor w = joint.head().state_dict().at("out.0.weight");
    return largest(w, 0, w.numel());
  };
  CHECK(weight("this one") == 0);  // the file's, which says nothing
  CHECK(weight("another") > 0);
  const DenseModel after = JointDense(path, config, "", 1).model("new", "a test");
  REQUIRE(after.head);
  CHECK(after.head->detector_sha256 == "new");
  CHECK(after.provenance == "made by a test; then a test");

  ModelConfig other = config;
  other.neck.channels = 32;
  check_refused<UsageError>([&] { (void)JointDense(path, other, "", 1); },
                            {"--dense", "64 channels", "32"});
}

}  // namespace rf::test
