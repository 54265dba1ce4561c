// The two blocks that networks are made of: convolution + batch norm + activation, and its
// depthwise-separable form.
#pragma once

#include <array>
#include <memory>

#include "layers/activation.hpp"
#include "layers/batch_norm2d.hpp"
#include "layers/conv2d.hpp"
#include "layers/deform_conv2d.hpp"

namespace rf {

// What all blocks of one network share.
struct BlockStyle {
  Activation activation = Activation::relu();
  double eps = 1e-5;                            // of batch norm
  Bias bias = Bias::no;                         // of the convolution before it
  Deformation deformation = Deformation::none;  // of 3x3 convolutions
};

// Children: conv (Conv2d or DeformConv2d), bn (which applies the activation in the same pass).
class ConvBnAct final : public Module {
 public:
  ConvBnAct(Conv2dOptions conv, const BlockStyle& style);
  [[nodiscard]] Var forward(const Var& x) const {
    return conv_ ? bn_.forward_after(*conv_, x) : bn_.forward(deform_->forward(x));
  }

 private:
  std::unique_ptr<Conv2d> conv_;  // or
  std::unique_ptr<DeformConv2d> deform_;
  BatchNorm2d bn_;
};

// MobileNet's depthwise-separable block (Howard et al. 2017, section 3.1): a 3x3 convolution of
// each channel alone, then a 1x1 convolution across channels. Children: depthwise, pointwise, both
// ConvBnAct.
class SeparableBlock final : public Module {
 public:
  SeparableBlock(Index in_channels, Index out_channels, Index stride, const BlockStyle& style);
  [[nodiscard]] Var forward(const Var& x) const {
    return pointwise_.forward(depthwise_.forward(x));
  }
  [[nodiscard]] std::array<ConvBnAct*, 2> convolutions() { return {&depthwise_, &pointwise_}; }

 private:
  ConvBnAct depthwise_, pointwise_;
};

}  // namespace rf
