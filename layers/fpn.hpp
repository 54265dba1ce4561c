// Feature pyramid (Lin et al. 2017; RetinaFace section 3.1): lateral 1x1 convolutions bring every
// backbone level to one width, each level adds the one above it, upsampled, and a 3x3 convolution
// smooths the sum.
#pragma once

#include <memory>
#include <vector>

#include "layers/conv_bn_act.hpp"

namespace rf {

// How a coarse map comes to the size of the finer one; the two differ where a size is odd.
enum class UpsampleRule {
  nearest_to_size,  // source index floor(i * in / out)
  double_and_crop,  // source index floor(i / 2), what exceeds the finer map is cut off
};

// Levels are ordered from the finest. Children: lateral.{level}, merge.{level} (merge: all but the
// coarsest).
class Fpn final : public Module {
 public:
  Fpn(const std::vector<Index>& in_channels, Index out_channels, UpsampleRule rule,
      const BlockStyle& style);

  // Per level [N, in_channels[l], H_l, W_l] -> [N, out_channels, H_l, W_l].
  [[nodiscard]] std::vector<Var> forward(const std::vector<Var>& levels) const;

 private:
  std::vector<std::unique_ptr<ConvBnAct>> lateral_, merge_;
  UpsampleRule rule_;
};

}  // namespace rf
