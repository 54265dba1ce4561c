// What is done to a Graph before it becomes a Plan. Each pass does one thing and gives an equal
// network; text() shows what it did.
#pragma once

#include <string>

#include "engine/graph.hpp"

namespace rf {

// A batch norm of constants behind a convolution that nothing else reads becomes part of the
// convolution's weights and bias (computed in double); its activation becomes the convolution's
// attribute "slope": f(z) = z for z > 0, slope z otherwise.
[[nodiscard]] Graph fold_batch_norm(const Graph& graph);

// A sum of a convolution that nothing else reads and a value that is there before it becomes part
// of the convolution, as its fourth input. Where the direct kernel runs: by 1x1, as residual blocks
// end.
[[nodiscard]] Graph fuse_residual(const Graph& graph);

// A relu or leaky_relu becomes the slope of the convolutions whose result, or concatenated results,
// it alone reads.
[[nodiscard]] Graph fuse_activation(const Graph& graph);

// A sum of a value and an enlarged one that nothing else reads becomes one node "add_upsampled"(a,
// small), as a feature pyramid's way down.
[[nodiscard]] Graph fuse_upsampling(const Graph& graph);

// What a deformable convolution reads it also gets with the channels innermost, by a permute, where
// samples of so many channels are then taken faster: as a sixth input.
[[nodiscard]] Graph add_channels_last(const Graph& graph);

// Without nodes whose result nobody reads, and without values that then belong to no node.
[[nodiscard]] Graph drop_unused(const Graph& graph);

// One line per node: "%3 = conv2d(%0, %1, -; groups 1, pad 1, ...) [1, 8, 4, 4]"; "-" is a constant
// without elements.
[[nodiscard]] std::string text(const Graph& graph);

// Floating-point operations, two for each multiply-add of a convolution; 0 for anything else.
[[nodiscard]] double flops(const Graph& graph, const Graph::Node& node);

}  // namespace rf
