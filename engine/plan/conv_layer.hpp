// The convolutions of a graph as their kernels take them.
#pragma once

#include <vector>

#include "engine/graph.hpp"
#include "engine/kernels/args.hpp"

namespace rf {

// A convolution with weights that are constants.
struct ConvLayer {
  Conv2dGeometry geometry;
  Tensor w, b;   // b without elements: none; w without, where its kernel reads others made of it
  Tensor slope;  // of the activation behind it, [out_channels]; without elements: none

  // All but x and y.
  [[nodiscard]] Conv2dArgs<float> args() const;
  [[nodiscard]] bool depthwise() const {
    return geometry.in_channels == 1 && geometry.out_channels == 1;
  }
};

// Of a convolution's inputs the first layer's weights; the bias comes next.
[[nodiscard]] std::size_t weight_input(const Graph::Node& node);

// The layers of a node: one of a "conv2d", "conv2d_parts" or "deform_conv2d", several of a
// "conv2d_chain". Throws UsageError when weights are no constants.
[[nodiscard]] std::vector<ConvLayer> conv_layers(const Graph& graph, const Graph::Node& node);

}  // namespace rf
