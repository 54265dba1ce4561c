// ResNet (He et al. 2016) as a backbone: a 7x7 stem, then four stages of residual blocks whose
// outputs have strides 4, 8, 16 and 32.
#pragma once

#include <memory>
#include <vector>

#include "layers/backbone.hpp"

namespace rf {

// Which convolution of a bottleneck has the stride: the 3x3 one, as in torchvision and GluonCV's
// v1b, or the first 1x1 one, as in the paper and in MXNet's v1. Nothing in the weights tells.
enum class BottleneckStride { in_3x3, in_1x1 };

// f(conv2(conv1(x)) + shortcut(x)), two 3x3 convolutions (He et al. 2016, Figure 5 left), or
// f(conv3(conv2(conv1(x))) + shortcut(x)), 1x1, 3x3, 1x1 (right). The shortcut is x itself or,
// where the shape changes, a 1x1 convolution. Children: conv1, conv2, conv3 (the last without
// activation), downsample; all ConvBnAct.
class ResidualBlock final : public Module {
 public:
  struct Options {
    Index in_channels, width;  // of the 3x3 convolutions
    Index stride;
    bool bottleneck;  // the right form, whose output has kExpansion times the width
    BottleneckStride stride_in = BottleneckStride::in_3x3;
  };
  static constexpr Index kExpansion = 4;

  ResidualBlock(const Options& options, const BlockStyle& style);
  [[nodiscard]] Var forward(const Var& x) const;
  // In order, the shortcut's last.
  [[nodiscard]] std::vector<ConvBnAct*> convolutions() const;

 private:
  std::vector<std::unique_ptr<ConvBnAct>> convs_;
  std::unique_ptr<ConvBnAct> downsample_;
  Activation activation_;
};

// Children: stem (ConvBnAct, 7x7 of stride 2), layer{1..4}.{i} (ResidualBlock).
class ResNet final : public Backbone {
 public:
  static constexpr int kDepths[] = {18, 34, 50, 101, 152};
  static constexpr int kFirstBottleneck = 50;  // from this depth on

  // Throws UsageError: a depth that is not one of kDepths.
  ResNet(int depth, const BlockStyle& style, BottleneckStride stride_in = BottleneckStride::in_3x3);

  [[nodiscard]] std::vector<Level> levels() const override;
  [[nodiscard]] std::vector<Var> forward(const Var& image) const override;

 private:
  bool bottleneck_;
  ConvBnAct stem_;
  std::vector<std::vector<std::unique_ptr<ResidualBlock>>> stages_;
};

}  // namespace rf
