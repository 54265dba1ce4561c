#include "layers/resnet.hpp"

#include <array>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

namespace {

constexpr std::array<Index, 4> kWidths = {64, 128, 256, 512};

// How many blocks the stages have (He et al. 2016, Table 1).
std::array<Index, 4> blocks(int depth) {
  switch (depth) {
    case 18: return {2, 2, 2, 2};
    case 34:
    case 50: return {3, 4, 6, 3};
    case 101: return {3, 4, 23, 3};
    case 152: return {3, 8, 36, 3};
    default: throw UsageError(message("resnet: ", depth, " layers; known: 18, 34, 50, 101, 152"));
  }
}

Var activated(const Var& x, const Activation& activation) {
  switch (activation.kind) {
    case Activation::Kind::none: return x;
    case Activation::Kind::relu: return ag::relu(x);
    case Activation::Kind::leaky_relu: return ag::leaky_relu(x, {.slope = activation.slope});
  }
  RF_UNREACHABLE();
}

BlockStyle linear(BlockStyle style) {
  style.activation = Activation{};
  return style;
}

}  // namespace

ResidualBlock::ResidualBlock(const Options& o, const BlockStyle& style)
    : activation_(style.activation) {
  const Index out = o.bottleneck ? kExpansion * o.width : o.width;
  const auto add = [&](const Conv2dOptions& conv, bool last) {
    convs_.push_back(std::make_unique<ConvBnAct>(conv, last ? linear(style) : style));
    child(message("conv", convs_.size()), *convs_.back());
  };
  const Index in = o.bottleneck ? o.width : o.in_channels;  // of the first 3x3
  const bool early = o.bottleneck && o.stride_in == BottleneckStride::in_1x1;
  const Index before = early ? o.stride : 1;
  if (o.bottleneck)
    add({.in_channels = o.in_channels, .out_channels = o.width, .kernel = 1, .stride = before},
        false);
  add({.in_channels = in, .out_channels = o.width, .kernel = 3, .stride = o.stride / before},
      false);
  add({.in_channels = o.width, .out_channels = out, .kernel = o.bottleneck ? 1 : 3}, true);
  if (o.stride == 1 && o.in_channels == out) return;
  downsample_ = std::make_unique<ConvBnAct>(
      Conv2dOptions{
          .in_channels = o.in_channels, .out_channels = out, .kernel = 1, .stride = o.stride},
      linear(style));
  child("downsample", *downsample_);
}

Var ResidualBlock::forward(const Var& x) const {
  Var y = x;
  for (const auto& conv : convs_) y = conv->forward(y);
  return activated(ag::add(y, downsample_ ? downsample_->forward(x) : x), activation_);
}

std::vector<ConvBnAct*> ResidualBlock::convolutions() const {
  std::vector<ConvBnAct*> all;
  for (const auto& conv : convs_) all.push_back(conv.get());
  if (downsample_) all.push_back(downsample_.get());
  return all;
}

ResNet::ResNet(int depth, const BlockStyle& style, BottleneckStride stride_in)
    : bottleneck_(depth >= kFirstBottleneck),
      stem_({.in_channels = 3, .out_channels = kWidths[0], .kernel = 7, .stride = 2}, style) {
  child("stem", stem_);
  add_convolution(stem_);
  const std::array<Index, 4> counts = blocks(depth);
  Index channels = kWidths[0];
  for (std::size_t s = 0; s < counts.size(); ++s) {
    auto& stage = stages_.emplace_back();
    for (Index i = 0; i < counts[s]; ++i) {
      stage.push_back(
          std::make_unique<ResidualBlock>(ResidualBlock::Options{.in_channels = channels,
                                                                 .width = kWidths[s],
                                                                 .stride = s > 0 && i == 0 ? 2 : 1,
                                                                 .bottleneck = bottleneck_,
                                                                 .stride_in = stride_in},
                                          style));
      child(message("layer", s + 1, ".", i), *stage.back());
      for (ConvBnAct* conv : stage.back()->convolutions()) add_convolution(*conv);
      channels = levels()[s].channels;
    }
  }
}

std::vector<Backbone::Level> ResNet::levels() const {
  std::vector<Level> all;
  Index stride = 4;
  for (const Index width : kWidths) {
    all.push_back({stride, bottleneck_ ? ResidualBlock::kExpansion * width : width});
    stride *= 2;
  }
  return all;
}

std::vector<Var> ResNet::forward(const Var& image) const {
  Var x = ag::max_pool2d(stem_.forward(image), {.kernel = 3, .stride = 2, .pad = 1});
  std::vector<Var> outputs;
  for (const auto& stage : stages_) {
    for (const auto& block : stage) x = run_block(*block, x);
    outputs.push_back(x);
  }
  return outputs;
}

}  // namespace rf
