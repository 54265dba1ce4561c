#include "layers/backbone.hpp"

#include "engine/check.hpp"
#include "layers/mobilenet_v1.hpp"
#include "layers/resnet.hpp"

namespace rf {

namespace {

struct ResNetName {
  std::string name;
  int depth;
  BottleneckStride stride_in;
};

std::vector<ResNetName> resnet_names() {
  std::vector<ResNetName> names;
  for (const int depth : ResNet::kDepths)
    names.push_back({message("resnet", depth), depth, BottleneckStride::in_3x3});
  for (const int depth : ResNet::kDepths) {
    if (depth >= ResNet::kFirstBottleneck)
      names.push_back({message("resnet", depth, "_v1"), depth, BottleneckStride::in_1x1});
  }
  return names;
}

}  // namespace

void Backbone::freeze_first(Index count) {
  if (count < 0 || count > convolutions()) {
    throw UsageError(message("freeze: the backbone has ", convolutions(),
                             " convolutions, its first ", count, " cannot be frozen"));
  }
  for (Index i = 0; i < count; ++i) convolutions_[static_cast<std::size_t>(i)]->freeze();
}

std::vector<std::string> backbone_names() {
  std::vector<std::string> names{"mobilenet0.25"};
  for (const ResNetName& each : resnet_names()) names.push_back(each.name);
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

std::unique_ptr<Backbone> make_backbone(const std::string& name, const BlockStyle& style,
                                        LightStem stem) {
  check_backbone_name(name);
  for (const auto& [resnet, depth, stride_in] : resnet_names()) {
    if (name != resnet) continue;
    if (stem != LightStem::conv3x3)
      throw ModelError(
          message("the 7x7 stem of stride 4 is mobilenet0.25's; ", name, " has one of its own"));
    return std::make_unique<ResNet>(depth, style, stride_in);
  }
  return std::make_unique<MobileNetV1>(style, stem);
}

}  // namespace rf
