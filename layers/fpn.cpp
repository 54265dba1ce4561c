#include "layers/fpn.hpp"

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

Fpn::Fpn(const Options& o, const BlockStyle& style) {
  for (std::size_t level = 0; level < o.in_channels.size(); ++level) {
    lateral_.push_back(std::make_unique<ConvBnAct>(
        Conv2dOptions{
            .in_channels = o.in_channels[level], .out_channels = o.out_channels, .kernel = 1},
        style));
    child(message("lateral.", level), *lateral_.back());
  }
  for (std::size_t level = 0; level + 1 < o.in_channels.size(); ++level) {
    merge_.push_back(std::make_unique<ConvBnAct>(
        Conv2dOptions{.in_channels = o.out_channels, .out_channels = o.out_channels, .kernel = 3},
        style));
    child(message("merge.", level), *merge_.back());
  }
  if (!o.coarser) return;
  BlockStyle plain = style;
  plain.deformation = Deformation::none;
  coarser_ = std::make_unique<ConvBnAct>(Conv2dOptions{.in_channels = o.in_channels.back(),
                                                       .out_channels = o.out_channels,
                                                       .kernel = 3,
                                                       .stride = 2},
                                         plain);
  child("coarser", *coarser_);
}

std::vector<Var> Fpn::forward(const std::vector<Var>& levels) const {
  RF_CHECK_SHAPE(levels.size() == lateral_.size(), "fpn", "got ", levels.size(), " levels, has ",
                 lateral_.size());
  std::vector<Var> outputs(levels.size());
  for (std::size_t level = levels.size(); level-- > 0;) {
    const Var lateral = lateral_[level]->forward(levels[level]);
    if (level + 1 == levels.size()) {
      outputs[level] = lateral;
      continue;
    }
    const Shape& size = lateral.value().shape();
    const Var above =
        ag::upsample_nearest(outputs[level + 1], {.out_h = size[2], .out_w = size[3]});
    outputs[level] = merge_[level]->forward(ag::add(lateral, above));
  }
  if (coarser_) outputs.push_back(coarser_->forward(levels.back()));
  return outputs;
}

}  // namespace rf
