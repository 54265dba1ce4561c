#include "layers/conv_bn_act.hpp"

namespace rf {

namespace {

Conv2dOptions with_bias(Conv2dOptions conv, Bias bias) {
  conv.bias = bias;
  return conv;
}

}  // namespace

ConvBnAct::ConvBnAct(Conv2dOptions conv, const BlockStyle& style)
    : conv_(with_bias(conv, style.bias)),
      bn_({.channels = conv.out_channels, .eps = style.eps, .activation = style.activation}) {
  child("conv", conv_);
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
