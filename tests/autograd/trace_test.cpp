#include "autograd/trace.hpp"

#include "layers/init.hpp"
#include "layers/mobilenet_v1.hpp"
#include "tests/autograd/test_ops.hpp"

namespace rf::test {

using ag::Var;

TEST_CASE("trace: operations, parameters, inputs and constants in the order they ran", "[trace]") {
  const Var x(random_tensor({1, 2, 4, 4}, 1)), w(random_tensor({3, 2, 1, 1}, 2));
  ag::TraceScope trace({x});
  const Var y = ag::conv2d(x, w, Var(), {.stride = 2});
  const Var z = product(y, y);
  const Graph graph = trace.graph({z});
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].op == "conv2d");
  CHECK(graph.nodes[0].attributes.at("stride") == 2);
  CHECK(graph.nodes[1].op == "product");
  CHECK(graph.nodes[1].inputs == std::vector<Index>(2, graph.nodes[0].output));
  CHECK(graph.inputs == std::vector<Index>{graph.nodes[0].inputs[0]});
  CHECK(graph.outputs == std::vector<Index>{graph.nodes[1].output});
  const auto value = [&](Index id) { return graph.values[static_cast<std::size_t>(id)]; };
  CHECK(value(graph.outputs[0]).shape == z.shape());
  CHECK(same_bits(value(graph.nodes[0].inputs[1]).constant, w.value()));
  CHECK(value(graph.inputs[0]).constant.numel() == 0);
  CHECK(value(graph.outputs[0]).constant.numel() == 0);
}

TEST_CASE("trace: a network that is not training is traced whole, and still records no graph",
          "[trace]") {
  MobileNetV1 network({});
  initialize(network, {}, 1);
  const Var image(random_tensor({1, 3, 64, 64}, 2));
  Graph graph;
  {
    ag::TraceScope trace({image});
    const std::vector<Var> outputs = network.forward(image);
    CHECK(outputs[2].producer() == nullptr);
    graph = trace.graph(outputs);
  }
  CHECK(graph.nodes.size() == 2 * 27);  // 27 convolutions, each with its batch norm
  CHECK(network.forward(image)[0].producer() == nullptr);
  // Replayed operation by operation, it gives the same bits.
  std::vector<Tensor> values;
  for (const Graph::Value& value : graph.values) values.push_back(value.constant);
  values[static_cast<std::size_t>(graph.inputs[0])] = image.value();
  for (const Graph::Node& node : graph.nodes) {
    const auto in = [&](std::size_t i) { return values[static_cast<std::size_t>(node.inputs[i])]; };
    const auto number = [&](const char* name) { return node.attributes.at(name); };
    Tensor& out = values[static_cast<std::size_t>(node.output)];
    if (node.op == "conv2d") {
      out = conv2d(in(0), in(1), in(2),
                   {.stride = static_cast<Index>(number("stride")),
                    .pad = static_cast<Index>(number("pad")),
                    .dilation = static_cast<Index>(number("dilation")),
                    .groups = static_cast<Index>(number("groups"))});
    } else {
      REQUIRE(node.op == "batch_norm");
      out = batch_norm(in(0), in(1), in(2), in(3), in(4),
                       {.eps = number("eps"), .slope = number("slope")});
    }
  }
  const std::vector<Var> expected = network.forward(image);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(same_bits(values[static_cast<std::size_t>(graph.outputs[i])], expected[i].value()));
  }
}

TEST_CASE("trace: an output from elsewhere is refused", "[trace][error]") {
  const Var x(tensor({2}, {1, 2}));
  const ag::TraceScope trace({x});
  check_refused<UsageError>([&] { (void)trace.graph({Var(tensor({3}, {1, 2, 3}))}); }, {"[3]"});
}

TEST_CASE("trace: scopes nest, and only the innermost listens", "[trace]") {
  const Var x(tensor({2}, {1, 2}));
  const ag::TraceScope outer({x});
  {
    const ag::TraceScope inner({x});
    CHECK(inner.graph({product(x, x)}).nodes.size() == 1);
  }
  const Var y = product(x, x);
  CHECK(outer.graph({y}).nodes.size() == 1);
}

}  // namespace rf::test
