#include "layers/context_module.hpp"

#include "autograd/ops.hpp"

namespace rf {

namespace {

Conv2dOptions conv3x3(Index in_channels, Index out_channels) {
  return {.in_channels = in_channels, .out_channels = out_channels, .kernel = 3};
}

BlockStyle linear(BlockStyle style) {
  style.activation = Activation{};
  return style;
}

}  // namespace

ContextModule::ContextModule(Index channels, const BlockStyle& style)
    : conv3x3_(conv3x3(channels, channels / 2), linear(style)),
      conv5x5_1_(conv3x3(channels, channels / 4), style),
      conv5x5_2_(conv3x3(channels / 4, channels / 4), linear(style)),
      conv7x7_2_(conv3x3(channels / 4, channels / 4), style),
      conv7x7_3_(conv3x3(channels / 4, channels / 4), linear(style)) {
  child("conv3x3", conv3x3_);
  child("conv5x5_1", conv5x5_1_);
  child("conv5x5_2", conv5x5_2_);
  child("conv7x7_2", conv7x7_2_);
  child("conv7x7_3", conv7x7_3_);
}

Var ContextModule::forward(const Var& x) const {
  const Var shared = conv5x5_1_.forward(x);
  return ag::relu(ag::concat({conv3x3_.forward(x), conv5x5_2_.forward(shared),
                              conv7x7_3_.forward(conv7x7_2_.forward(shared))},
                             1));
}

}  // namespace rf
