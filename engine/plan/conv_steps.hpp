// The steps of a plan that are convolutions.
#pragma once

#include "engine/graph.hpp"
#include "engine/plan/plan.hpp"

namespace rf {

// Each fills in the kernel, its scratch and how to run it. Throw UsageError: weights or biases that
// are no constants.
// A "conv2d", or a "conv2d_parts", whose output channels go to values of their own.
[[nodiscard]] PlanStep conv2d_step(const Graph& graph, const Graph::Node& node, PlanStep step);
[[nodiscard]] PlanStep conv2d_chain_step(const Graph& graph, const Graph::Node& node,
                                         PlanStep step);
// Inputs as DeformConv2dInputs (x, offset, mask or nothing, w, b), then perhaps x with the channels
// innermost (passes.hpp).
[[nodiscard]] PlanStep deform_conv2d_step(const Graph& graph, const Graph::Node& node,
                                          PlanStep step);

// Whether the graph's one input is read by one plain convolution or chain alone, whose kernel may
// read a picture instead.
[[nodiscard]] bool reads_picture(const Graph& graph);

}  // namespace rf
