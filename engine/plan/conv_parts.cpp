#include "engine/plan/conv_parts.hpp"

#include <algorithm>

#include "engine/plan/conv_layer.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

const Shape& shape_of(const Graph& graph, Index value) { return graph.values[at(value)].shape; }

bool can_merge(const Graph& graph, const Graph::Node& node) {
  const auto constant = [&](Index value) {
    return graph.values[at(value)].constant.numel() == shape_of(graph, value).numel();
  };
  return node.op == "conv2d" && node.inputs.size() == 3 &&
         shape_of(graph, node.inputs[0])[0] == 1 && node.attributes.at("groups") == 1 &&
         constant(node.inputs[1]) && constant(node.inputs[2]);
}

bool alike(const Graph& graph, const Graph::Node& a, const Graph::Node& b) {
  const auto same = [&](const char* name) {
    return a.attributes.at(name) == b.attributes.at(name);
  };
  const Shape &wa = shape_of(graph, a.inputs[1]), &wb = shape_of(graph, b.inputs[1]);
  return a.inputs[0] == b.inputs[0] && same("stride") && same("pad") && same("dilation") &&
         wa[2] == wb[2] && wa[3] == wb[3];
}

Index add_value(Graph& graph, const Shape& shape, const Tensor& constant) {
  graph.values.push_back({.shape = shape, .dtype = DType::f32, .constant = constant});
  return static_cast<Index>(graph.values.size()) - 1;
}

// The merged node and the parts, which make the nodes' outputs.
std::vector<Graph::Node> merged(Graph& graph, const std::vector<const Graph::Node*>& nodes) {
  Index channels = 0;
  for (const Graph::Node* node : nodes) channels += shape_of(graph, node->output)[1];
  const Graph::Node& first = *nodes.front();
  const Shape w_shape = shape_of(graph, first.inputs[1]), y_shape = shape_of(graph, first.output);
  Tensor w = Tensor::empty({channels, w_shape[1], w_shape[2], w_shape[3]}),
         b = Tensor::empty({channels}), slope = Tensor::empty({channels});
  Graph::Node whole{
      .op = "conv2d_parts", .attributes = first.attributes, .inputs = {}, .output = 0};
  whole.attributes.erase("slope");
  whole.output = add_value(graph, {1, channels, y_shape[2], y_shape[3]}, Tensor());
  std::vector<Graph::Node> result{whole};
  Index begin = 0;
  for (const Graph::Node* node : nodes) {
    const ConvLayer layer = conv_layers(graph, *node).front();
    const Index count = layer.w.shape()[0];
    const auto put = [&](const Tensor& from, float otherwise, Tensor& to) {
      const Index size = to.numel() / channels;
      float* place = to.data<float>() + begin * size;
      if (from.numel() == 0)
        std::fill_n(place, count * size, otherwise);
      else
        std::copy_n(from.data<float>(), count * size, place);
    };
    put(layer.w, 0, w);
    put(layer.b, 0, b);
    put(layer.slope, 1, slope);
    result.push_back({.op = "part",
                      .attributes = {{"begin", static_cast<double>(begin)}},
                      .inputs = {whole.output},
                      .output = node->output});
    begin += count;
  }
  result.front().inputs = {first.inputs[0], add_value(graph, w.shape(), w),
                           add_value(graph, b.shape(), b), add_value(graph, slope.shape(), slope)};
  return result;
}

}  // namespace

Graph merge_convolutions(const Graph& before) {
  Graph graph = before;
  graph.nodes.clear();
  std::vector<bool> done(before.nodes.size(), false);
  for (std::size_t n = 0; n < before.nodes.size(); ++n) {
    const Graph::Node& node = before.nodes[n];
    if (done[n]) continue;
    std::vector<const Graph::Node*> together{&node};
    if (can_merge(before, node)) {
      for (std::size_t m = n + 1; m < before.nodes.size() && together.size() < kMostParts; ++m) {
        const Graph::Node& other = before.nodes[m];
        if (done[m] || !can_merge(before, other) || !alike(before, node, other)) continue;
        together.push_back(&other);
        done[m] = true;
      }
    }
    if (together.size() == 1) {
      graph.nodes.push_back(node);
    } else {
      for (Graph::Node& made : merged(graph, together)) graph.nodes.push_back(std::move(made));
    }
  }
  return graph;
}

std::vector<std::pair<Index, Index>> part_outputs(const Graph& graph, const Graph::Node& node) {
  std::vector<std::pair<Index, Index>> parts;
  if (node.op != "conv2d_parts") return parts;
  for (const Graph::Node& part : graph.nodes) {
    if (part.op == "part" && part.inputs[0] == node.output)
      parts.emplace_back(part.output, shape_of(graph, part.output)[1]);
  }
  return parts;
}

}  // namespace rf
