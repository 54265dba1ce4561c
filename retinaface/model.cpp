#include "retinaface/model.hpp"

#include "engine/check.hpp"

namespace rf {

namespace {

BlockStyle backbone_style(const BackboneConfig& config) {
  if (config.name != "mobilenet0.25") {
    throw ModelError(
        message("backbone '", config.name.substr(0, 60), "' is not known; known: mobilenet0.25"));
  }
  return {.activation = config.activation, .eps = config.bn_eps};
}

BlockStyle neck_style(const NeckConfig& config) {
  return {.activation = config.activation, .eps = config.bn_eps, .bias = config.bias};
}

constexpr std::size_t kLevels = std::size(MobileNetV1::kChannels);

Index anchors_per_cell(const ModelConfig& config) {
  if (config.anchors.size() != kLevels) {
    throw ModelError(message("the backbone has ", kLevels,
                             " levels, the model file has anchors for ", config.anchors.size()));
  }
  return static_cast<Index>(config.anchors.front().sizes.size());
}

}  // namespace

RetinaFace::RetinaFace(const ModelConfig& config)
    : backbone_(backbone_style(config.backbone)),
      fpn_({std::begin(MobileNetV1::kChannels), std::end(MobileNetV1::kChannels)},
           config.neck.channels, neck_style(config.neck)),
      heads_(static_cast<Index>(kLevels), config.neck.channels, anchors_per_cell(config),
             config.heads) {
  child("backbone", backbone_);
  child("fpn", fpn_);
  for (std::size_t level = 0; level < kLevels; ++level) {
    context_.push_back(
        std::make_unique<ContextModule>(config.neck.channels, neck_style(config.neck)));
    child(message("context.", level), *context_.back());
  }
  child("heads", heads_);
}

RetinaFace::Stages RetinaFace::forward_stages(const Var& image) const {
  Stages stages;
  stages.backbone = backbone_.forward(image);
  stages.pyramid = fpn_.forward(stages.backbone);
  for (std::size_t level = 0; level < kLevels; ++level) {
    stages.context.push_back(context_[level]->forward(stages.pyramid[level]));
  }
  stages.heads = heads_.forward(stages.context);
  return stages;
}

HeadOutputs RetinaFace::forward(const Var& image) const { return forward_stages(image).heads; }

}  // namespace rf
