#include "autograd/checkpoint.hpp"

#include "autograd/scope.hpp"
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

}  // namespace rf::test
