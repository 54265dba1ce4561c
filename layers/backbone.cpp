#include "layers/backbone.hpp"

#include "engine/check.hpp"
#include "layers/mobilenet_v1.hpp"
#include "layers/resnet.hpp"

namespace rf {

void Backbone::freeze_first(Index count) {
  if (count < 0 || count > convolutions()) {
    throw UsageError(message("freeze: the backbone has ", convolutions(),
                             " convolutions, its first ", count, " cannot be frozen"));
  }
  for (Index i = 0; i < count; ++i) convolutions_[static_cast<std::size_t>(i)]->freeze();
}

std::vector<std::string> backbone_names() {
  std::vector<std::string> names{"mobilenet0.25"};
  for (const int depth : ResNet::kDepths) names.push_back(message("resnet", depth));
  return names;
}

void check_backbone_name(const std::string& name) {
  std::string known;
  for (const std::string& each : backbone_names()) {
    if (each == name) return;
    known += (known.empty() ? "" : ", ") + each;
  }
  throw ModelError(message("backbone '", name.substr(0, 60), "' is not known; known: ", known));
}

std::unique_ptr<Backbone> make_backbone(const std::string& name, const BlockStyle& style) {
  check_backbone_name(name);
  for (const int depth : ResNet::kDepths) {
    if (name == message("resnet", depth)) return std::make_unique<ResNet>(depth, style);
  }
  return std::make_unique<MobileNetV1>(style);
}

}  // namespace rf
