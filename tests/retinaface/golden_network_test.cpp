// The light model with the public weights against activations and detections that PyTorch computed
// in float64 (golden/README.md of the shared data). The picture is stored as pixels, so no decoder
// stands between.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>

#include "engine/kernels/table.hpp"
#include "engine/ops/softmax.hpp"
#include "retinaface/nms.hpp"
#include "retinaface/pipeline.hpp"
#include "tests/support.hpp"
#include "weights/safetensors.hpp"

using rf::DType;
using rf::Index;
using rf::StateDict;
using rf::Tensor;
using rf::test::relative_error;

namespace {

struct Golden {
  StateDict tensors;
  rf::Image image;
  std::string model;
};

std::optional<Golden> load(const std::string& name) {
  const auto file = rf::test::shared_file("golden/" + name + ".safetensors");
  const auto model = rf::test::shared_file("weights/mobilenet0.25_Final.pth");
  if (!file || !model) return std::nullopt;
  Golden golden{rf::read_safetensors(file->string()).tensors, {}, model->string()};
  const Tensor& pixels = golden.tensors.at("image");
  const auto bytes = std::as_const(pixels).span<std::uint8_t>();
  golden.image = {pixels.shape()[1], pixels.shape()[0], {bytes.begin(), bytes.end()}};
  return golden;
}

rf::Box box_of(const rf::Face& f) { return {f.x1, f.y1, f.x2, f.y2}; }

// Every detection of one list has a partner in the other: IoU above 0.995, scores within 2e-4,
// landmarks within 0.05 px. Detections within 1e-4 of the score threshold may be missing.
void check_same_detections(const std::vector<rf::Face>& ours, const Tensor& golden,
                           float threshold) {
  const Index rows = golden.shape()[0];
  const Tensor wide = golden.to(DType::f64);
  const double* g = wide.data<double>();
  std::vector<bool> taken(ours.size(), false);
  Index matched = 0, borderline = 0;
  for (Index r = 0; r < rows; ++r) {
    const double* row = g + r * 15;
    const rf::Box box{static_cast<float>(row[0]), static_cast<float>(row[1]),
                      static_cast<float>(row[2]), static_cast<float>(row[3])};
    bool found = false;
    for (std::size_t i = 0; i < ours.size() && !found; ++i) {
      if (taken[i] || rf::iou(box, box_of(ours[i]), false) < 0.995) continue;
      if (std::abs(static_cast<double>(ours[i].score) - row[4]) > 2e-4) continue;
      double landmark_error = 0;
      for (std::size_t p = 0; p < 5; ++p) {
        landmark_error = std::max(
            {landmark_error, std::abs(static_cast<double>(ours[i].landmarks[p].x) - row[5 + 2 * p]),
             std::abs(static_cast<double>(ours[i].landmarks[p].y) - row[6 + 2 * p])});
      }
      CHECK(landmark_error < 0.05);
      taken[i] = found = true;
    }
    if (found)
      ++matched;
    else if (std::abs(row[4] - static_cast<double>(threshold)) < 1e-4)
      ++borderline;
  }
  CHECK(matched + borderline == rows);
  Index extra = 0;
  for (std::size_t i = 0; i < ours.size(); ++i)
    extra += !taken[i] && std::abs(ours[i].score - threshold) > 1e-4F;
  CHECK(extra == 0);
  CHECK(matched >= 5);  // the pictures hold faces: an empty answer is no agreement
}

void check_stages(const rf::RetinaFace::Stages& stages, const StateDict& golden, double tolerance) {
  for (std::size_t level = 0; level < 3; ++level) {
    const std::string number = std::to_string(level + 1);
    const auto check = [&](const std::string& name, const rf::Var& var) {
      CAPTURE(name);
      const Tensor& value = var.value();
      CHECK(relative_error(value.reshaped(golden.at(name).shape()), golden.at(name)) < tolerance);
    };
    check("c" + number, stages.backbone[level]);
    check("fpn" + number, stages.pyramid[level]);
    check("ssh" + number, stages.context[level]);
  }
  const auto flat = [](const rf::Var& v) {
    return v.value().reshaped({v.shape()[1], v.shape()[2]});
  };
  CHECK(relative_error(flat(stages.heads.box), golden.at("loc")) < tolerance);
  CHECK(relative_error(flat(stages.heads.landmark), golden.at("landm")) < tolerance);
  CHECK(relative_error(rf::softmax(flat(stages.heads.cls), 1), golden.at("conf")) < tolerance);
}

}  // namespace

TEST_CASE("network: every stage and the detections agree with PyTorch on every table",
          "[network][golden][isa]") {
  const std::string name = GENERATE("net_group_320", "net_press_417");
  const auto golden = load(name);
  if (!golden) return;
  const rf::Pipeline pipeline(golden->model, {.score = 0.02F, .nms = {}, .size = "original"});
  rf::RetinaFace network(pipeline.model().config);
  network.load_state_dict(pipeline.model().tensors);
  const Tensor input = pipeline.preprocess(golden->image);
  const rf::KernelTable& before = rf::kernels();
  for (const rf::KernelTable* table : rf::supported_kernel_tables()) {
    CAPTURE(name, table->name);
    if (rf::test::kSanitized && std::string(table->name) == "scalar") continue;  // slow
    rf::use_kernels(*table);
    check_stages(network.forward_stages(rf::Var(input)), golden->tensors, 1e-4);
    check_same_detections(pipeline.detect(golden->image), golden->tensors.at("detections"), 0.02F);
  }
  rf::use_kernels(before);
}

TEST_CASE("network: in double every stage agrees to what the golden file stores, float",
          "[network][golden]") {
  const auto golden = load("net_group_320");
  if (!golden) return;
  const rf::Pipeline pipeline(golden->model, {});
  rf::RetinaFace network(pipeline.model().config);
  StateDict wide;
  for (const auto& [name, tensor] : pipeline.model().tensors) wide[name] = tensor.to(DType::f64);
  network.load_state_dict(wide);
  check_stages(network.forward_stages(rf::Var(pipeline.preprocess(golden->image).to(DType::f64))),
               golden->tensors, 1e-7);
}
