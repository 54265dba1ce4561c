#include "autograd/checkpoint.hpp"

#include "autograd/scope.hpp"
#include "autograd/trace.hpp"
#include "layers/conv_bn_act.hpp"
#include "layers/init.hpp"
#include "tests/autograd/test_ops.hpp"

namespace rf::test {

using ag::Var;

namespace {

// Two blocks forward and backward, the second perhaps under checkpoint.
StateDict run(bool with_checkpoint) {
  ConvBnAct first({.in_channels = 3, .out_channels = 4, .kernel = 3}, {});
  ConvBnAct second({.in_channels = 4, .out_channels = 4, .kernel = 3}, {});
  initialize(first, {}, 1), initialize(second, {}, 2);
  first.train(), second.train();
  Var x(random_tensor({2, 3, 9, 11}, 3));
  x.set_requires_grad(true);
  const Var middle = first.forward(x);
  const auto block = [&](const std::vector<Var>& in) { return second.forward(in[0]); };
  const Var y = with_checkpoint ? ag::checkpoint(block, {middle}) : block({middle});
  y.backward(random_tensor(y.shape(), 4));
  StateDict result{{"y", y.value()}, {"dx", x.grad()}};
  for (const Module* module : {&first, &second}) {
    const std::string prefix = module == &first ? "1." : "2.";
    for (const auto& [name, var] : module->named_parameters()) result[prefix + name] = var.grad();
    for (const auto& [name, var] : module->named_buffers()) result[prefix + name] = var.value();
  }
  return result;
}

}  // namespace

TEST_CASE("checkpoint: value, gradients and running statistics have the same bits",
          "[checkpoint]") {
  const StateDict with = run(true), without = run(false);
  REQUIRE(with.size() == 2 + 2 * (3 + 2));
  for (const auto& [name, tensor] : without) {
    CAPTURE(name);
    CHECK(tensor.numel() > 0);
    CHECK(same_bits(with.at(name), tensor));
  }
}

TEST_CASE("checkpoint: the block runs once forward, once more backward, and keeps nothing between",
          "[checkpoint]") {
  const Var x = leaf({2}, {3, 5});
  int runs = 0;
  Tensor inner;
  const auto block = [&](const std::vector<Var>& in) {
    ++runs;
    const Var square = product(in[0], in[0]);
    inner = square.value();
    return product(square, in[0]);
  };
  const Var y = ag::checkpoint(block, {x});
  CHECK(runs == 1);
  CHECK(inner.is_sole_owner());
  CHECK(same_bits(y.value(), tensor({2}, {27, 125})));
  y.backward(ones({2}));
  CHECK(runs == 2);
  CHECK(same_bits(x.grad(), tensor({2}, {27, 75})));
  const ag::NoGradScope no_grad;
  CHECK(ag::checkpoint(block, {x}).producer() == nullptr);
  CHECK(runs == 3);
}

TEST_CASE("checkpoint: blocks nest, and a parameter they use without being given it learns",
          "[checkpoint]") {
  const Var x(tensor({2}, {2, 3})), w = leaf({2}, {5, 7});
  const auto inner = [&](const std::vector<Var>& in) { return product(in[0], w); };
  const auto outer = [&](const std::vector<Var>& in) {
    return product(ag::checkpoint(inner, {in[0]}), w);  // x w^2
  };
  ag::checkpoint(outer, {x}).backward(ones({2}));
  CHECK(same_bits(w.grad(), tensor({2}, {20, 42})));  // 2 x w
}

TEST_CASE("checkpoint: a block in which nothing learns has nothing to do", "[checkpoint]") {
  const Var x(tensor({2}, {1, 2})), w = leaf({2}, {3, 4});
  const Var y = ag::checkpoint([](const std::vector<Var>& in) { return ag::relu(in[0]); }, {x});
  ag::multiply(y, w).backward(ones({2}));
  CHECK(same_bits(w.grad(), tensor({2}, {1, 2})));
}

TEST_CASE("checkpoint: same bits where the block's input is used outside as well", "[checkpoint]") {
  for (int s = 0; s < 100; ++s) {
    const double a = 0.1 + 0.013 * s, b = 0.7 + 0.029 * s, c = 0.3 + 0.017 * s;
    const auto run = [&](bool with) {
      const Var x = leaf({1}, {1}), u = ag::scale(x, 1);
      const auto block = [&](const std::vector<Var>& in) {
        return ag::add(ag::scale(in[0], a), ag::scale(in[0], b));
      };
      const Var y = with ? ag::checkpoint(block, {u}) : block({u});
      ag::add(y, ag::scale(u, c)).backward();
      return x.grad();
    };
    CAPTURE(s);
    CHECK(same_bits(run(true), run(false)));
  }
}

TEST_CASE("checkpoint: a trace sees the operations of the block", "[checkpoint]") {
  const Var x(tensor({1}, {1})), w = leaf({1}, {2});
  ag::TraceScope trace({x});
  const Var y =
      ag::checkpoint([&](const std::vector<Var>& in) { return ag::multiply(in[0], w); }, {x});
  const Graph graph = trace.graph({y});
  REQUIRE(graph.nodes.size() == 1);
  CHECK(graph.nodes[0].op == "multiply");
}

}  // namespace rf::test
