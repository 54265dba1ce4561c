#include "layers/heads.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

Heads::Heads(Index levels, Index channels, Index anchors_per_cell, HeadSharing sharing)
    : levels_(levels), channels_(channels) {
  const auto make = [&](const char* name, Convs& convs, Index values) {
    for (Index level = 0; level < (sharing == HeadSharing::shared ? 1 : levels); ++level) {
      convs.push_back(
          std::make_unique<Conv2d>(Conv2dOptions{.in_channels = channels,
                                                 .out_channels = anchors_per_cell * values,
                                                 .kernel = 1,
                                                 .bias = Bias::yes}));
      child(message(name, ".", level), *convs.back());
    }
  };
  make("cls", cls_, 2);
  make("box", box_, 4);
  make("landmark", landmark_, 10);
}

// [N, anchors_per_cell * values, H, W] per level -> [N, sum of H W anchors_per_cell, values].
Var Heads::read(const Convs& convs, const std::vector<Var>& levels, Index values) {
  std::vector<Var> parts;
  for (std::size_t level = 0; level < levels.size(); ++level) {
    const Var y =
        ag::permute(convs[std::min(level, convs.size() - 1)]->forward(levels[level]), {0, 2, 3, 1});
    const Index batch = y.value().shape()[0];
    parts.push_back(
        ag::reshape(y, {batch, batch ? y.value().numel() / batch / values : 0, values}));
  }
  return ag::concat(parts, 1);
}

HeadOutputs Heads::forward(const std::vector<Var>& levels) const {
  RF_CHECK_SHAPE(static_cast<Index>(levels.size()) == levels_, "heads", "got ", levels.size(),
                 " levels, has ", levels_);
  for (const Var& level : levels) {
    RF_CHECK_SHAPE(level.shape().rank() == 4 && level.shape()[1] == channels_, "heads",
                   "a level of ", level.shape(), ", made for ", channels_,
                   " channels on every level");
  }
  return {.cls = read(cls_, levels, 2),
          .box = read(box_, levels, 4),
          .landmark = read(landmark_, levels, 10)};
}

}  // namespace rf
