#include "engine/plan/steps.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/check.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"
#include "engine/plan/conv_steps.hpp"
#include "engine/plan/passes.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

const Shape& shape_of(const Graph& graph, Index value) { return graph.values[at(value)].shape; }

Index whole(const Graph::Node& node, const std::string& name) {
  return static_cast<Index>(node.attributes.at(name));
}

PlanStep sigmoid_step(const Graph::Node& node, PlanStep step) {
  step.run = [=, count = step.output.numel(), kernel = kernels().sigmoid, x = node.inputs[0],
              y = node.output](const PlanRun& run) {
    const UnaryArgs<float> args{.x = run.values[at(x)], .y = run.values[at(y)]};
    for_ranges(count, 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  return step;
}

PlanStep add_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  const Index count = step.output.numel(), a = node.inputs[0], b = node.inputs[1], y = node.output;
  if (shape_of(graph, a) != step.output || shape_of(graph, b) != step.output)
    throw UsageError(message("plan: add of ", shape_of(graph, a), " and ", shape_of(graph, b),
                             ", which differ"));
  step.run = [=, kernel = kernels().add](const PlanRun& run) {
    BinaryArgs<float> args{.a = run.values[at(a)], .b = run.values[at(b)], .y = run.values[at(y)]};
    args.size[0] = count;
    args.a_step[0] = args.b_step[0] = 1;
    for_ranges(count, 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  return step;
}

PlanStep activation_step(const Graph::Node& node, PlanStep step) {
  const float slope = node.op == "relu" ? 0 : static_cast<float>(node.attributes.at("slope"));
  step.run = [=, count = step.output.numel(), kernel = kernels().leaky_relu, x = node.inputs[0],
              y = node.output](const PlanRun& run) {
    const LeakyReluArgs<float> args{.x = run.values[at(x)], .y = run.values[at(y)], .slope = slope};
    for_ranges(count, 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  return step;
}

PlanStep batch_norm_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  const Shape& shape = shape_of(graph, node.inputs[0]);
  Index plane = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) plane *= shape[axis];
  step.run = [=, kernel = kernels().batch_norm, values = node.inputs, y = node.output,
              eps = static_cast<float>(node.attributes.at("eps")),
              slope = static_cast<float>(node.attributes.at("slope"))](const PlanRun& run) {
    const auto input = [&](std::size_t i) { return run.values[at(values[i])]; };
    const BatchNormArgs<float> args{.x = input(0),
                                    .y = run.values[at(y)],
                                    .f = {.gamma = input(1),
                                          .beta = input(2),
                                          .mean = input(3),
                                          .var = input(4),
                                          .eps = eps,
                                          .slope = slope,
                                          .channels = shape[1],
                                          .plane = plane}};
    for_ranges(shape[0] * shape[1], plane,
               [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  return step;
}

PlanStep softmax_step(const Graph::Node& node, PlanStep step) {
  const int axis = static_cast<int>(node.attributes.at("axis"));
  const Index size = step.output[axis];
  Index inner = 1;
  for (int i = axis + 1; i < step.output.rank(); ++i) inner *= step.output[i];
  step.run = [=, count = step.output.numel(), kernel = kernels().softmax, x = node.inputs[0],
              y = node.output](const PlanRun& run) {
    const SoftmaxArgs<float> args{
        .x = run.values[at(x)], .y = run.values[at(y)], .size = size, .inner = inner};
    for_ranges(count / size, size, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  return step;
}

// One row: to[j] = from[column of j], and a[j] more if there is an a.
void upsample_row(const float* from, const float* a, float* to, const std::vector<Index>& columns,
                  Index in_w) {
  const auto out_w = static_cast<Index>(columns.size());
  if (out_w != 2 * in_w && a) {
    for (Index j = 0; j < out_w; ++j) to[j] = a[j] + from[columns[at(j)]];
  } else if (out_w != 2 * in_w) {
    for (Index j = 0; j < out_w; ++j) to[j] = from[columns[at(j)]];
  } else if (a) {
    for (Index j = 0; j < in_w; ++j) {
      to[2 * j] = a[2 * j] + from[j];
      to[2 * j + 1] = a[2 * j + 1] + from[j];
    }
  } else {
    for (Index j = 0; j < in_w; ++j) to[2 * j] = to[2 * j + 1] = from[j];
  }
}

// y[p, i, j] = x[p, i in_h / out_h, j in_w / out_w], as upsample_nearest; of "add_upsampled"(a, x)
// a[p, i, j] more.
PlanStep upsample_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  const Index x = node.inputs.back(), a = node.inputs.size() > 1 ? node.inputs[0] : -1;
  const Shape &in = shape_of(graph, x), &out = step.output;
  std::vector<Index> columns;
  for (Index j = 0; j < out[3]; ++j) columns.push_back(j * in[3] / out[3]);
  step.run = [=, y = node.output](const PlanRun& run) {
    const float *from = run.values[at(x)], *term = a >= 0 ? run.values[at(a)] : nullptr;
    float* to = run.values[at(y)];
    for_ranges(out[0] * out[1] * out[2], out[3], [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const Index source = row / out[2] * in[2] + row % out[2] * in[2] / out[2];
        upsample_row(from + source * in[3], term ? term + row * out[3] : nullptr, to + row * out[3],
                     columns, in[3]);
      }
    });
  };
  return step;
}

PlanStep max_pool_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  const Shape &in = shape_of(graph, node.inputs[0]), &out = step.output;
  const MaxPool2dArgs<float> sizes{.x = nullptr,
                                   .y = nullptr,
                                   .in_h = in[2],
                                   .in_w = in[3],
                                   .out_h = out[2],
                                   .out_w = out[3],
                                   .kernel = whole(node, "kernel"),
                                   .stride = whole(node, "stride"),
                                   .pad = whole(node, "pad")};
  step.run = [=, kernel = kernels().max_pool2d, rows = out[0] * out[1] * out[2], x = node.inputs[0],
              y = node.output](const PlanRun& run) {
    MaxPool2dArgs<float> args = sizes;
    args.x = run.values[at(x)];
    args.y = run.values[at(y)];
    for_ranges(rows, args.in_w * args.kernel,
               [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  return step;
}

// The axes of a permuted result, each with its stride in the input; those that lie in the input as
// in the result are one.
struct PermutedAxes {
  std::vector<Index> size, stride;
};

PermutedAxes permuted_axes(const Shape& in, const Graph::Node& node) {
  std::array<Index, Shape::kMaxRank> stride{};
  Index elements = 1;
  for (int i = in.rank() - 1; i >= 0; elements *= in[i--]) stride[at(i)] = elements;
  PermutedAxes axes;
  for (int i = 0; i < in.rank(); ++i) {
    const Index axis = whole(node, "axis" + std::to_string(i)), size = in[static_cast<int>(axis)];
    if (size == 1) continue;
    if (!axes.size.empty() && axes.stride.back() == size * stride[at(axis)]) {
      axes.size.back() *= size;
      axes.stride.back() = stride[at(axis)];
    } else {
      axes.size.push_back(size);
      axes.stride.push_back(stride[at(axis)]);
    }
  }
  while (axes.size.size() < 2) {  // permute_step needs rows and columns
    axes.size.insert(axes.size.begin(), 1);
    axes.stride.insert(axes.stride.begin(), 0);
  }
  return axes;
}

// to[i * columns + j] = from[i * row_stride + j * column_stride]: some rows at a time, of which
// each column is read as a line.
void permute_rows(const float* from, float* to, Index rows, Index columns, Index row_stride,
                  Index column_stride) {
  if (column_stride == 1) {
    for (Index i = 0; i < rows; ++i)
      std::memcpy(to + i * columns, from + i * row_stride, at(columns) * sizeof(float));
    return;
  }
  constexpr Index kRows = 64;
  for (Index first = 0; first < rows; first += kRows) {
    const Index last = std::min(first + kRows, rows);
    for (Index j = 0; j < columns; ++j) {
      const float* line = from + j * column_stride;
      for (Index i = first; i < last; ++i) to[i * columns + j] = line[i * row_stride];
    }
  }
}

// Every element of the result to its place.
PlanStep permute_step(const Graph& graph, const Graph::Node& node, PlanStep step) {
  const PermutedAxes axes = permuted_axes(shape_of(graph, node.inputs[0]), node);
  const std::size_t last = axes.size.size() - 1;
  const Index count = step.output.numel();
  step.run = [=, x = node.inputs[0], y = node.output](const PlanRun& run) {
    const float* from = run.values[at(x)];
    float* to = run.values[at(y)];
    const Index columns = axes.size[last], rows = axes.size[last - 1];
    if (count == 0) return;
    for_ranges(count / columns, columns, [&](Index begin, Index end) {
      for (Index row = begin; row < end;) {
        Index offset = 0;
        for (Index rest = row / rows, i = static_cast<Index>(last) - 2; i >= 0; --i) {
          offset += rest % axes.size[at(i)] * axes.stride[at(i)];
          rest /= axes.size[at(i)];
        }
        const Index at_row = row % rows, run_rows = std::min(rows - at_row, end - row);
        permute_rows(from + offset + at_row * axes.stride[last - 1], to + row * columns, run_rows,
                     columns, axes.stride[last - 1], axes.stride[last]);
        row += run_rows;
      }
    });
  };
  return step;
}

PlanStep described(const Graph& graph, const Graph::Node& node) {
  PlanStep step;
  step.op = step.kernel = node.op;
  step.output = shape_of(graph, node.output);
  step.flops = step.kernel_flops = flops(graph, node);
  step.bytes = 4 * static_cast<double>(step.output.numel());
  for (const Index input : node.inputs) {
    step.inputs.push_back(shape_of(graph, input));
    step.bytes += 4 * static_cast<double>(step.inputs.back().numel());
  }
  return step;
}

}  // namespace

PlanStep make_step(const Graph& graph, const Graph::Node& node) {
  PlanStep step = described(graph, node);
  if (node.op == "conv2d" || node.op == "conv2d_parts")
    return conv2d_step(graph, node, std::move(step));
  if (node.op == "conv2d_chain") return conv2d_chain_step(graph, node, std::move(step));
  if (node.op == "deform_conv2d") return deform_conv2d_step(graph, node, std::move(step));
  if (node.op == "sigmoid") return sigmoid_step(node, std::move(step));
  if (node.op == "add") return add_step(graph, node, std::move(step));
  if (node.op == "relu" || node.op == "leaky_relu") return activation_step(node, std::move(step));
  if (node.op == "batch_norm") return batch_norm_step(graph, node, std::move(step));
  if (node.op == "softmax") return softmax_step(node, std::move(step));
  if (node.op == "max_pool2d") return max_pool_step(graph, node, std::move(step));
  if (node.op == "upsample_nearest" || node.op == "add_upsampled")
    return upsample_step(graph, node, std::move(step));
  if (node.op == "permute") return permute_step(graph, node, std::move(step));
  throw UsageError(message("plan: the operation ", node.op, " is not known to plans"));
}

PlanStep copy_step(const Graph& graph, const Graph::Node& node, Index from, Index outer,
                   Index offset) {
  PlanStep step = described(graph, node);
  const Index count = shape_of(graph, from).numel();
  step.kernel = "copy";
  step.inputs = {shape_of(graph, from)};
  step.bytes = 8 * static_cast<double>(count);
  // Rows of the part into rows of the whole.
  const Index row = outer > 0 ? count / outer : 0,
              pitch = outer > 0 ? step.output.numel() / outer : 0;
  step.run = [=, y = node.output](const PlanRun& run) {
    for_ranges(outer, row, [&](Index begin, Index end) {
      for (Index o = begin; o < end; ++o) {
        std::memcpy(run.values[at(y)] + o * pitch + offset, run.values[at(from)] + o * row,
                    static_cast<std::size_t>(row) * sizeof(float));
      }
    });
  };
  return step;
}

}  // namespace rf
