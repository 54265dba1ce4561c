// MobileNetV1 (Howard et al. 2017) as a backbone: three stages whose outputs have strides 8, 16
// and 32.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/conv_bn_act.hpp"

namespace rf {

// Width multiplier 0.25: 8 (stride 2), 16, 32 (2), 32, 64 (2), 64 | 128 (2), 5 x 128 | 256 (2), 256
// channels. Children: stage1.0 (ConvBnAct), then stage{s}.{i} (SeparableBlock).
class MobileNetV1 final : public Module {
 public:
  static constexpr Index kChannels[] = {64, 128, 256};  // of the three outputs
  static constexpr Index kConvolutions = 27;  // the stem and two in each of 13 separable blocks

  explicit MobileNetV1(const BlockStyle& style);

  // [N, 3, H, W] -> the outputs of the three stages: [N, 64, H/8, W/8], [N, 128, H/16, W/16], [N,
  // 256, H/32, W/32], each size rounded up.
  [[nodiscard]] std::vector<Var> forward(const Var& image) const;

  // Freezes (Module::freeze) the first convolutions with their batch norms, on top of what is
  // frozen already. RetinaFace section 4.8 fixes "the first two convolutional layers" of the light
  // model and does not say whether a separable block is one layer or two. Here it is two, the
  // depthwise and the pointwise one, as MobileNet's own paper counts (section 3.2: 28 layers, with
  // the classifier): 1 is the stem, 2 adds the depthwise convolution of the first block, 3 its
  // pointwise one. Throws UsageError unless 0 <= convolutions <= kConvolutions.
  void freeze_first(Index convolutions);

 private:
  ConvBnAct stem_;
  std::vector<std::vector<std::unique_ptr<SeparableBlock>>> stages_;
  std::vector<ConvBnAct*> convolutions_;  // of the stem and the stages, in the order of forward()
};

}  // namespace rf
