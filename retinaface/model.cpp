#include "retinaface/model.hpp"

#include "autograd/checkpoint.hpp"
#include "engine/check.hpp"

namespace rf {

namespace {

BlockStyle neck_style(const NeckConfig& config) {
  return {.activation = config.activation,
          .eps = config.bn_eps,
          .bias = config.bias,
          .deformation = config.deformation};
}

// Whether the last level of anchors is the one that the pyramid adds (P6).
bool has_coarser(const std::vector<Backbone::Level>& backbone,
                 const std::vector<AnchorLevel>& anchors) {
  return anchors.size() > 1 && anchors.back().stride == 2 * backbone.back().stride;
}

// Of the backbone, the level that each level of anchors belongs to, but for the one that the
// pyramid adds.
std::vector<std::size_t> levels_of(const std::vector<Backbone::Level>& backbone,
                                   const std::vector<AnchorLevel>& anchors) {
  std::vector<std::size_t> levels;
  const std::size_t count = anchors.size() - (has_coarser(backbone, anchors) ? 1 : 0);
  for (std::size_t l = 0; l < count; ++l) {
    const AnchorLevel& level = anchors[l];
    std::size_t i = 0;
    while (i < backbone.size() && backbone[i].stride != level.stride) ++i;
    if (i == backbone.size() || (!levels.empty() && i != levels.back() + 1)) {
      std::string strides;
      for (const Backbone::Level& each : backbone)
        strides += message(strides.empty() ? "" : ", ", each.stride);
      throw ModelError(message("the backbone's levels have strides ", strides,
                               " and the pyramid can add ", 2 * backbone.back().stride,
                               "; anchors of stride ", level.stride, " are not in their turn"));
    }
    levels.push_back(i);
  }
  if (count < anchors.size() && levels.back() + 1 != backbone.size()) {
    throw ModelError(message("anchors of stride ", anchors.back().stride, " come after those of ",
                             anchors[count - 1].stride, "; between them the backbone has ",
                             backbone.back().stride));
  }
  return levels;
}

std::vector<Index> channels_of(const std::vector<Backbone::Level>& backbone,
                               const std::vector<std::size_t>& levels) {
  std::vector<Index> channels;
  for (const std::size_t level : levels) channels.push_back(backbone[level].channels);
  return channels;
}

}  // namespace

RetinaFace::RetinaFace(const ModelConfig& config)
    : backbone_(
          make_backbone(config.backbone.name,
                        {.activation = config.backbone.activation, .eps = config.backbone.bn_eps},
                        config.backbone.stem)),
      levels_(levels_of(backbone_->levels(), config.anchors)),
      fpn_({.in_channels = channels_of(backbone_->levels(), levels_),
            .out_channels = config.neck.channels,
            .coarser = has_coarser(backbone_->levels(), config.anchors)},
           neck_style(config.neck)),
      heads_(static_cast<Index>(config.anchors.size()), config.neck.channels,
             static_cast<Index>(config.anchors.front().sizes.size()), config.heads) {
  child("backbone", *backbone_);
  child("fpn", fpn_);
  for (std::size_t level = 0; level < config.anchors.size(); ++level) {
    context_.push_back(
        std::make_unique<ContextModule>(config.neck.channels, neck_style(config.neck)));
    child(message("context.", level), *context_.back());
  }
  child("heads", heads_);
}

std::vector<Backbone::Level> RetinaFace::backbone_levels() const {
  const std::vector<Backbone::Level> all = backbone_->levels();
  std::vector<Backbone::Level> used;
  for (const std::size_t level : levels_) used.push_back(all[level]);
  return used;
}

RetinaFace::Stages RetinaFace::forward_stages(const Var& image) const {
  Stages stages;
  const std::vector<Var> outputs = backbone_->forward(image);
  for (const std::size_t level : levels_) stages.backbone.push_back(outputs[level]);
  stages.pyramid = fpn_.forward(stages.backbone);
  for (std::size_t level = 0; level < context_.size(); ++level) {
    const ContextModule& module = *context_[level];
    const Var& x = stages.pyramid[level];
    const auto run = [&module](const std::vector<Var>& inputs) {
      return module.forward(inputs[0]);
    };
    stages.context.push_back(recompute_ ? ag::checkpoint(run, {x}) : module.forward(x));
  }
  stages.heads = heads_.forward(stages.context);
  return stages;
}

HeadOutputs RetinaFace::forward(const Var& image) const { return forward_stages(image).heads; }

}  // namespace rf
