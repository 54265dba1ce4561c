#include "layers/conv_bn_act.hpp"

namespace rf {

ConvBnAct::ConvBnAct(Conv2dOptions conv, const BlockStyle& style)
    : bn_({.channels = conv.out_channels, .eps = style.eps, .activation = style.activation}) {
  conv.bias = style.bias;
  if (conv.kernel == 3 && style.deformation != Deformation::none) {
    deform_ = std::make_unique<DeformConv2d>(conv, style.deformation);
    child("conv", *deform_);
  } else {
    conv_ = std::make_unique<Conv2d>(conv);
    child("conv", *conv_);
  }
  child("bn", bn_);
}

SeparableBlock::SeparableBlock(Index in_channels, Index out_channels, Index stride,
                               const BlockStyle& style)
    : depthwise_({.in_channels = in_channels,
                  .out_channels = in_channels,
                  .kernel = 3,
                  .stride = stride,
                  .groups = in_channels},
                 style),
      pointwise_({.in_channels = in_channels, .out_channels = out_channels, .kernel = 1}, style) {
  child("depthwise", depthwise_);
  child("pointwise", pointwise_);
}

}  // namespace rf
