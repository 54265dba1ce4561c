// MobileNetV1 (Howard et al. 2017) as a backbone: three stages whose outputs have strides 8, 16
// and 32.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/backbone.hpp"

namespace rf {

// Width multiplier 0.25: 8 (stride 2), 16, 32 (2), 32, 64 (2), 64 | 128 (2), 5 x 128 | 256 (2), 256
// channels. Children: stage1.0 (ConvBnAct), then stage{s}.{i} (SeparableBlock).
//
// Of convolutions it has 27. RetinaFace section 4.8 fixes "the first two convolutional layers" of
// the light model and does not say whether a separable block is one layer or two. Here
// (freeze_first) it is two, the depthwise and the pointwise one, as MobileNet's own paper counts
// (section 3.2: 28 layers, with the classifier): 1 is the stem, 2 adds the depthwise convolution of
// the first block, 3 its pointwise one.
class MobileNetV1 final : public Backbone {
 public:
  explicit MobileNetV1(const BlockStyle& style, LightStem stem = LightStem::conv3x3);

  [[nodiscard]] std::vector<Level> levels() const override {
    return {{8, 64}, {16, 128}, {32, 256}};
  }
  [[nodiscard]] std::vector<Var> forward(const Var& image) const override;

 private:
  ConvBnAct stem_;
  std::vector<std::vector<std::unique_ptr<SeparableBlock>>> stages_;
};

}  // namespace rf
