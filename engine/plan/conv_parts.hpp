// Convolutions of the same input merged into one, which reads and transforms that input once.
#pragma once

#include <utility>
#include <vector>

#include "engine/graph.hpp"

namespace rf {

inline constexpr std::size_t kMostParts = 8;

// For one image: "conv2d"s of the same input with the same parameters become a
// "conv2d_parts"(x, w, b, slopes) of all their output channels, of which a "part"(merged; begin)
// each takes its own. Nothing else reads the merged result, which exists in parts only.
[[nodiscard]] Graph merge_convolutions(const Graph& graph);

// Of a "conv2d_parts": the values that take its output channels, in turn, and how many each. Empty
// for any other node.
[[nodiscard]] std::vector<std::pair<Index, Index>> part_outputs(const Graph& graph,
                                                                const Graph::Node& node);

}  // namespace rf
