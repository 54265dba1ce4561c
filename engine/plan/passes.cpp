#include "engine/plan/passes.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <utility>

#include "engine/check.hpp"
#include "engine/ops/deform_conv2d_problem.hpp"
#include "engine/plan/conv_layer.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Who makes and who reads each value; the reader of an output is also the caller.
struct Links {
  std::vector<Index> producer;  // a node, or -1
  std::vector<Index> readers;   // how many

  explicit Links(const Graph& graph)
      : producer(graph.values.size(), -1), readers(graph.values.size(), 0) {
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      producer[at(graph.nodes[n].output)] = static_cast<Index>(n);
      for (const Index input : graph.nodes[n].inputs) ++readers[at(input)];
    }
    for (const Index output : graph.outputs) ++readers[at(output)];
  }
  // The convolution, plain or deformable, that makes `value` for one reader alone, or nullptr.
  Graph::Node* sole_convolution(Graph& graph, Index value) const {
    Graph::Node* conv = sole(graph, value, "conv2d");
    return conv ? conv : sole(graph, value, "deform_conv2d");
  }
  // The node of this kind that makes `value` for one reader alone, or nullptr.
  Graph::Node* sole(Graph& graph, Index value, const char* op) const {
    const Index node = producer[at(value)];
    if (node < 0 || readers[at(value)] != 1 || graph.nodes[at(node)].op != op) return nullptr;
    return &graph.nodes[at(node)];
  }
};

bool is_constant(const Graph& graph, Index value) {
  const Graph::Value& v = graph.values[at(value)];
  return v.constant.numel() == v.shape.numel() && v.dtype == DType::f32 &&
         std::find(graph.inputs.begin(), graph.inputs.end(), value) == graph.inputs.end();
}

Index add_constant(Graph& graph, const Tensor& tensor) {
  graph.values.push_back({.shape = tensor.shape(), .dtype = tensor.dtype(), .constant = tensor});
  return static_cast<Index>(graph.values.size()) - 1;
}

bool activates(const Graph::Node& node) {
  const auto slope = node.attributes.find("slope");
  return slope != node.attributes.end() && slope->second != 1;
}

// From now on `node` makes what `last` made; `last` is to be dropped.
void take_over(Graph::Node& node, Graph::Node& last) {
  node.output = last.output;
  last.op.clear();
}

void erase_dropped(Graph& graph) {
  std::erase_if(graph.nodes, [](const Graph::Node& node) { return node.op.empty(); });
}

// Calls fuse(add, operand, the other one) for each sum of two values of one shape, either way
// round, until it says that it took the sum in.
template <class Fuse>
void for_each_sum(Graph& graph, Fuse&& fuse) {
  for (Graph::Node& add : graph.nodes) {
    if (add.op != "add") continue;
    const auto shape_of = [&](Index value) { return graph.values[at(value)].shape; };
    const Index a = add.inputs[0], b = add.inputs[1];
    if (shape_of(a) != shape_of(add.output) || shape_of(b) != shape_of(add.output)) continue;
    if (!fuse(add, a, b)) fuse(add, b, a);
  }
}

void fold(Graph& graph, Graph::Node& conv, Graph::Node& norm) {
  const auto values = [&](Index value) {
    return std::as_const(graph.values[at(value)].constant).span<float>();
  };
  const std::size_t weights = weight_input(conv);
  const Tensor& w = graph.values[at(conv.inputs[weights])].constant;
  const auto gamma = values(norm.inputs[1]), beta = values(norm.inputs[2]),
             mean = values(norm.inputs[3]), var = values(norm.inputs[4]),
             bias = values(conv.inputs[weights + 1]), from = w.span<float>();
  const std::size_t channels = gamma.size(), taps = from.size() / channels;
  Tensor folded = Tensor::empty(w.shape()), shift = Tensor::empty({static_cast<Index>(channels)});
  for (std::size_t k = 0; k < channels; ++k) {
    const double factor = static_cast<double>(gamma[k]) /
                          std::sqrt(static_cast<double>(var[k]) + norm.attributes.at("eps"));
    const double before = bias.empty() ? 0.0 : static_cast<double>(bias[k]);
    for (std::size_t i = k * taps; i < (k + 1) * taps; ++i)
      folded.data<float>()[i] = static_cast<float>(factor * static_cast<double>(from[i]));
    shift.data<float>()[k] = static_cast<float>(static_cast<double>(beta[k]) +
                                                (before - static_cast<double>(mean[k])) * factor);
  }
  conv.inputs[weights] = add_constant(graph, folded);
  conv.inputs[weights + 1] = add_constant(graph, shift);
  conv.attributes["slope"] = norm.attributes.at("slope");
  take_over(conv, norm);
}

}  // namespace

Graph fold_batch_norm(const Graph& before) {
  Graph graph = before;
  const Links links(graph);
  for (Graph::Node& norm : graph.nodes) {
    if (norm.op != "batch_norm") continue;
    Graph::Node* conv = links.sole_convolution(graph, norm.inputs[0]);
    if (!conv || activates(*conv)) continue;
    const std::size_t weights = weight_input(*conv);
    const bool constant = std::all_of(norm.inputs.begin() + 1, norm.inputs.end(),
                                      [&](Index v) { return is_constant(graph, v); }) &&
                          is_constant(graph, conv->inputs[weights]) &&
                          is_constant(graph, conv->inputs[weights + 1]);
    if (constant) fold(graph, *conv, norm);
  }
  erase_dropped(graph);
  return drop_unused(graph);
}

Graph fuse_residual(const Graph& before) {
  Graph graph = before;
  const Links links(graph);
  for_each_sum(graph, [&](Graph::Node& add, Index value, Index other) {
    Graph::Node* conv = links.sole(graph, value, "conv2d");
    if (!conv || activates(*conv) || conv->inputs.size() != 3 ||
        links.producer[at(other)] >= conv - graph.nodes.data()) {
      return false;
    }
    const Shape& w = graph.values[at(conv->inputs[1])].shape;
    if (w[2] != 1 || w[3] != 1 || conv->attributes.at("groups") != 1) return false;
    conv->inputs.push_back(other);
    take_over(*conv, add);
    return true;
  });
  erase_dropped(graph);
  return drop_unused(graph);
}

Graph fuse_activation(const Graph& before) {
  Graph graph = before;
  const Links links(graph);
  for (Graph::Node& node : graph.nodes) {
    if (node.op != "relu" && node.op != "leaky_relu") continue;
    const double slope = node.op == "relu" ? 0 : node.attributes.at("slope");
    Graph::Node* concat = links.sole(graph, node.inputs[0], "concat");
    std::vector<Graph::Node*> convs;
    for (const Index value : concat ? concat->inputs : node.inputs)
      convs.push_back(links.sole_convolution(graph, value));
    if (std::any_of(convs.begin(), convs.end(),
                    [](const Graph::Node* conv) { return !conv || activates(*conv); })) {
      continue;
    }
    for (Graph::Node* conv : convs) conv->attributes["slope"] = slope;
    take_over(concat ? *concat : *convs.front(), node);
  }
  erase_dropped(graph);
  return drop_unused(graph);
}

Graph fuse_upsampling(const Graph& before) {
  Graph graph = before;
  const Links links(graph);
  for_each_sum(graph, [&](Graph::Node& add, Index value, Index other) {
    const Graph::Node* upsample = links.sole(graph, value, "upsample_nearest");
    if (!upsample) return false;
    add.op = "add_upsampled";
    add.attributes.clear();
    add.inputs = {other, upsample->inputs[0]};
    return true;
  });
  return drop_unused(graph);
}

Graph add_channels_last(const Graph& before) {
  Graph graph = before;
  graph.nodes.clear();
  std::map<Index, Index> turned;  // by the value that it is made from
  for (Graph::Node node : before.nodes) {
    const Shape& x = before.values[at(node.inputs.empty() ? 0 : node.inputs[0])].shape;
    if (node.op == "deform_conv2d" && deform_wants_channels_last(x[1])) {
      const auto [found, added] = turned.try_emplace(node.inputs[0], 0);
      if (added) {
        found->second = static_cast<Index>(graph.values.size());
        graph.values.push_back(
            {.shape = {x[0], x[2], x[3], x[1]}, .dtype = DType::f32, .constant = Tensor()});
        graph.nodes.push_back(
            {.op = "permute",
             .attributes = {{"axis0", 0}, {"axis1", 2}, {"axis2", 3}, {"axis3", 1}},
             .inputs = {node.inputs[0]},
             .output = found->second});
      }
      node.inputs.push_back(found->second);
    }
    graph.nodes.push_back(std::move(node));
  }
  return graph;
}

Graph drop_unused(const Graph& graph) {
  std::vector<bool> used(graph.values.size(), false);
  for (const Index value : graph.inputs) used[at(value)] = true;
  for (const Index value : graph.outputs) used[at(value)] = true;
  std::vector<bool> kept(graph.nodes.size(), false);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    kept[n] = used[at(graph.nodes[n].output)];
    for (const Index input : graph.nodes[n].inputs) used[at(input)] = used[at(input)] || kept[n];
  }
  Graph result;
  std::vector<Index> id(graph.values.size(), -1);
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!used[v]) continue;
    id[v] = static_cast<Index>(result.values.size());
    result.values.push_back(graph.values[v]);
  }
  const auto renamed = [&](const std::vector<Index>& values) {
    std::vector<Index> ids;
    for (const Index value : values) ids.push_back(id[at(value)]);
    return ids;
  };
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Graph::Node& node = graph.nodes[n];
    if (kept[n])
      result.nodes.push_back({node.op, node.attributes, renamed(node.inputs), id[at(node.output)]});
  }
  result.inputs = renamed(graph.inputs);
  result.outputs = renamed(graph.outputs);
  return result;
}

std::string text(const Graph& graph) {
  std::ostringstream out;
  for (const Graph::Node& node : graph.nodes) {
    out << "%" << node.output << " = " << node.op << "(";
    const char* comma = "";
    for (const Index input : node.inputs) {
      out << std::exchange(comma, ", ");
      if (graph.values[at(input)].shape.numel() == 0)
        out << "-";
      else
        out << "%" << input;
    }
    comma = "; ";
    for (const auto& [name, value] : node.attributes)
      out << std::exchange(comma, ", ") << name << " " << value;
    out << ") " << graph.values[at(node.output)].shape << "\n";
  }
  return out.str();
}

double flops(const Graph& graph, const Graph::Node& node) {
  if (!node.op.starts_with("conv2d") && node.op != "deform_conv2d") return 0;
  double sum = 0;
  for (const ConvLayer& layer : conv_layers(graph, node)) {
    const Conv2dGeometry& g = layer.geometry;
    sum += 2.0 *
           static_cast<double>(graph.values[at(node.inputs[0])].shape[0] * g.out_h * g.out_w) *
           static_cast<double>(layer.w.numel());
  }
  return sum;
}

}  // namespace rf
