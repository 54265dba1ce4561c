#include "retinaface/networks.hpp"

#include <algorithm>
#include <vector>

#include "engine/check.hpp"

namespace rf {

ModelConfig three_level_config(const std::string& backbone) {
  check_backbone_name(backbone);
  const bool light = backbone == "mobilenet0.25";
  const Activation activation = light ? Activation::leaky_relu(0.1) : Activation::relu();
  ModelConfig config;
  config.name = backbone;
  config.backbone = {.name = backbone, .activation = activation};
  config.neck = {.channels = light ? 64 : 256, .activation = activation};
  config.input = {.order = ChannelOrder::bgr, .mean = {104, 117, 123}};
  config.anchors = {{8, 4, {16, 32}}, {16, 8, {64, 128}}, {32, 16, {256, 512}}};
  return config;
}

ModelConfig paper_config(const std::string& backbone) {
  ModelConfig config = three_level_config(backbone);
  if (const Index finest = make_backbone(backbone, {})->levels().front().stride; finest > 4) {
    throw ModelError(message("the paper's network needs a level of stride 4; the finest of ",
                             backbone, " has ", finest));
  }
  config.name += ", P2 to P6";
  config.neck.deformation = Deformation::v2;
  config.heads = HeadSharing::shared;
  config.anchors.clear();
  for (Index stride = 4; stride <= 64; stride *= 2) {
    constexpr double kStep = 1.2599210498948732;  // 2^(1/3)
    const auto side = static_cast<double>(4 * stride);
    config.anchors.push_back({.stride = stride,
                              .offset = static_cast<double>(stride) / 2,
                              .sizes = {side, side * kStep, side * kStep * kStep}});
  }
  return config;
}

namespace {

// The place of the word among those known.
std::size_t choice(const char* flag, const std::string& word,
                   const std::vector<std::string>& known) {
  const auto found = std::find(known.begin(), known.end(), word);
  if (found != known.end()) return static_cast<std::size_t>(found - known.begin());
  std::string all;
  for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
  throw UsageError(message("--", flag, " ", word.substr(0, 60), ": is not known; known: ", all));
}

}  // namespace

ModelConfig network_config(const NetworkChoice& c) {
  const bool paper = choice("network", c.network, {"three-level", "paper"}) == 1;
  const std::size_t deformable = choice("deformable", c.deformable, {"auto", "none", "v1", "v2"});
  const auto stem = static_cast<LightStem>(choice("stem", c.stem, {"3x3", "7x7"}));
  try {
    ModelConfig config = paper ? paper_config(c.backbone) : three_level_config(c.backbone);
    if (deformable > 0) config.neck.deformation = static_cast<Deformation>(deformable - 1);
    if (deformable == 1 && paper) config.name += ", no deformable layers";
    if (deformable > 1) config.name += ", deformable " + c.deformable;
    config.backbone.stem = stem;
    if (stem == LightStem::conv7x7) config.name += ", 7x7 stem";
    (void)make_backbone(c.backbone, {}, stem);
    return config;
  } catch (const ModelError& error) {
    throw UsageError(message("--network ", c.network, " --backbone ", c.backbone.substr(0, 60),
                             " --stem ", c.stem, ": ", error.what()));
  }
}

}  // namespace rf
