// The steps that a plan is made of, one for each operation of a graph.
#pragma once

#include "engine/plan/plan.hpp"

namespace rf {

// What `node` does, on the kernels in use now. Throws UsageError for an operation that plans do not
// know, or not in this form.
[[nodiscard]] PlanStep make_step(const Graph& graph, const Graph::Node& node);

// One of the node's inputs to its place in the result: `outer` rows, each to `offset` elements
// after the beginning of a row of the result.
[[nodiscard]] PlanStep copy_step(const Graph& graph, const Graph::Node& node, Index from,
                                 Index outer, Index offset);

}  // namespace rf
