#include "engine/plan/conv_steps.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/check.hpp"
#include "engine/ops/conv2d_schedule.hpp"
#include "engine/ops/deform_conv2d_problem.hpp"
#include "engine/plan/conv_chain.hpp"
#include "engine/plan/conv_layer.hpp"
#include "engine/plan/conv_parts.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

const Shape& shape_of(const Graph& graph, Index value) { return graph.values[at(value)].shape; }

bool is_input(const Graph& graph, Index value) {
  return std::find(graph.inputs.begin(), graph.inputs.end(), value) != graph.inputs.end();
}

// Whether a pointwise convolution may read its input where it lies: in a place of its own in our
// memory, after which nothing is written meanwhile (Plan::place_values).
bool reads_in_place(const Graph& graph, Index x, const Conv2dGeometry& g) {
  if (g.kernel_h != 1 || g.kernel_w != 1) return false;
  const auto has = [&](const std::vector<Index>& values) {
    return std::find(values.begin(), values.end(), x) != values.end();
  };
  return !is_input(graph, x) &&
         std::none_of(graph.nodes.begin(), graph.nodes.end(), [&](const Graph::Node& node) {
           return (node.op == "concat" || node.op == "reshape") && has(node.inputs);
         });
}

}  // namespace

bool reads_picture(const Graph& graph) {
  if (graph.inputs.size() != 1) return false;
  const Index x = graph.inputs[0];
  Index readers = 0;
  const Graph::Node* reader = nullptr;
  for (const Graph::Node& node : graph.nodes) {
    const Index times = std::count(node.inputs.begin(), node.inputs.end(), x);
    readers += times;
    if (times > 0) reader = &node;
  }
  if (readers != 1 || std::count(graph.outputs.begin(), graph.outputs.end(), x) != 0 ||
      (reader->op != "conv2d" && reader->op != "conv2d_chain") || reader->inputs[0] != x ||
      (reader->op == "conv2d" && reader->inputs.size() != 3)) {
    return false;
  }
  return kernels().conv2d_reads_picture(conv_layers(graph, *reader).front().geometry);
}

PlanStep conv2d_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  ConvLayer layer = conv_layers(graph, node).front();
  const Conv2dSchedule schedule(layer.geometry, step.output[0]);
  const Tensor u = schedule.transformed(layer.geometry, layer.w.data<float>());
  if (schedule.winograd()) layer.w = Tensor();
  if (const Index m = schedule.winograd())
    step.kernel = message("Winograd ", m, "x", m);
  else
    step.kernel = layer.depthwise() ? "depthwise" : "direct";
  step.kernel_flops = schedule.flops(layer.geometry);
  step.scratch_bytes = schedule.scratch_bytes();
  const bool in_place = reads_in_place(graph, node.inputs[0], layer.geometry);
  const Index residual = node.op == "conv2d" && node.inputs.size() == 4 ? node.inputs[3] : -1;
  const bool of_input = is_input(graph, node.inputs[0]);
  step.run = [=, in = node.inputs[0], out = node.output,
              parts = part_outputs(graph, node)](const PlanRun& run) {
    Conv2dArgs<float> args = layer.args();
    args.x = run.values[at(in)];
    if (of_input) args.picture = run.picture;
    if (residual >= 0) args.residual = run.values[at(residual)];
    if (in_place) args.x_pitch = layer.geometry.in_h * layer.geometry.in_w;
    std::array<Conv2dPart<float>, kMostParts> part{};
    if (parts.empty()) {
      args.y = run.values[at(out)];
    } else {
      for (const auto& [value, channels] : parts)
        part[at(args.part_count++)] = {.y = run.values[at(value)], .channels = channels};
      args.parts = part.data();
    }
    parallel_for(schedule.chunks(), run.scratch, [&](Index chunk, std::byte* scratch) {
      schedule.run(args, u.data<float>(), chunk, scratch);
    });
  };
  return step;
}

PlanStep conv2d_chain_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  std::vector<ConvLayer> layers = conv_layers(graph, node);
  const std::size_t count = layers.size();
  const ConvChain chain(std::move(layers), step.output[0]);
  step.kernel = message(count, " layers, ", chain.rows(), " rows at a time");
  step.scratch_bytes = chain.scratch_bytes();
  const bool of_input = is_input(graph, node.inputs[0]);
  step.run = [=, in = node.inputs[0], out = node.output](const PlanRun& run) {
    chain.run({.x = run.values[at(in)], .picture = of_input ? run.picture : nullptr},
              run.values[at(out)], run.scratch);
  };
  return step;
}

PlanStep deform_conv2d_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  const ConvLayer layer = conv_layers(graph, node).front();
  const Conv2dArgs<float> args = layer.args();
  const DeformConv2dProblem<float> problem({.x = nullptr,
                                            .offset = nullptr,
                                            .mask = nullptr,
                                            .w = args.w,
                                            .b = args.b,
                                            .slope = args.slope},
                                           layer.geometry,
                                           static_cast<Index>(node.attributes.at("deform_groups")));
  step.kernel = "samples, product";
  step.scratch_bytes = problem.scratch_bytes();
  const bool masked = shape_of(graph, node.inputs[2]).numel() > 0;
  step.run = [=, weights = layer, images = step.output[0], inputs = node.inputs,
              out = node.output](const PlanRun& run) {
    DeformConv2dProblem<float> placed = problem;
    placed.data.x = run.values[at(inputs[0])];
    placed.data.offset = run.values[at(inputs[1])];
    if (masked) placed.data.mask = run.values[at(inputs[2])];
    if (inputs.size() > 5) placed.data.x_last = run.values[at(inputs[5])];
    parallel_for(images * placed.chunks, run.scratch, [&](Index chunk, std::byte* scratch) {
      placed.run(chunk, run.values[at(out)], scratch);
    });
  };
  return step;
}

}  // namespace rf
