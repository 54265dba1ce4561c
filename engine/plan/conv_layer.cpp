#include "engine/plan/conv_layer.hpp"

#include <string>

#include "engine/check.hpp"
#include "engine/ops/conv2d.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

const Tensor& constant_of(const Graph& graph, Index value) {
  const Graph::Value& v = graph.values[at(value)];
  if (v.constant.numel() != v.shape.numel())
    throw UsageError(message("plan: convolution with weights ", v.shape, " that are no constant"));
  return v.constant;
}

ConvLayer layer_of(const Shape& x, const Tensor& w, const Tensor& b, const Conv2dParams& params,
                   double slope) {
  ConvLayer layer{
      .geometry = conv2d_geometry(x, w.shape(), params), .w = w, .b = b, .slope = Tensor()};
  if (slope != 1) {
    layer.slope = Tensor::empty({w.shape()[0]});
    for (float& value : layer.slope.span<float>()) value = static_cast<float>(slope);
  }
  return layer;
}

// Attributes of one layer of a chain have its number behind their name.
double attribute(const Graph::Node& node, const char* name, const std::string& number,
                 double otherwise) {
  const auto found = node.attributes.find(name + number);
  return found == node.attributes.end() ? otherwise : found->second;
}

}  // namespace

std::size_t weight_input(const Graph::Node& node) { return node.op == "deform_conv2d" ? 3 : 1; }

std::vector<ConvLayer> conv_layers(const Graph& graph, const Graph::Node& node) {
  std::vector<ConvLayer> layers;
  Shape x = graph.values[at(node.inputs[0])].shape;
  const std::size_t weights = weight_input(node);
  for (std::size_t i = 0; weights + 2 * i + 1 < node.inputs.size(); ++i) {
    const std::string number = node.op == "conv2d_chain" ? std::to_string(i) : "";
    const auto whole = [&](const char* name) {
      return static_cast<Index>(attribute(node, name, number, 1));
    };
    layers.push_back(layer_of(x, constant_of(graph, node.inputs[weights + 2 * i]),
                              constant_of(graph, node.inputs[weights + 2 * i + 1]),
                              {.stride = whole("stride"),
                               .pad = static_cast<Index>(attribute(node, "pad", number, 0)),
                               .dilation = whole("dilation"),
                               .groups = whole("groups")},
                              attribute(node, "slope", number, 1)));
    if (node.op == "conv2d_parts") layers.back().slope = constant_of(graph, node.inputs[3]);
    const Conv2dGeometry& g = layers.back().geometry;
    x = {x[0], layers.back().w.shape()[0], g.out_h, g.out_w};
  }
  return layers;
}

Conv2dArgs<float> ConvLayer::args() const {
  const auto values = [](const Tensor& t) { return t.numel() > 0 ? t.data<float>() : nullptr; };
  return {.x = nullptr,
          .w = values(w),
          .b = values(b),
          .y = nullptr,
          .geometry = geometry,
          .slope = values(slope)};
}

}  // namespace rf
