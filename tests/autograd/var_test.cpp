// The machinery of reverse mode, on two operations of the test's own.
#include "autograd/var.hpp"

#include <sys/mman.h>

#include <new>
#include <string>

#include "autograd/node.hpp"
#include "autograd/scope.hpp"
#include "autograd/sgd.hpp"
#include "engine/ops/conv2d.hpp"
#include "tests/autograd/test_ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

using ag::Var;

TEST_CASE("var: an operation records nothing unless an input wants a gradient", "[var]") {
  const Var x(tensor({2}, {1, 2}));
  CHECK(product(x, x).producer() == nullptr);
  const Var w = leaf({2}, {3, 4});
  const Var y = product(x, w);
  REQUIRE(y.producer() != nullptr);
  CHECK(std::string(y.producer()->name()) == "product");
  CHECK(y.requires_grad());
  CHECK(y.detach().producer() == nullptr);
  CHECK_FALSE(y.detach().requires_grad());
  {
    const ag::NoGradScope no_grad;
    CHECK(product(x, w).producer() == nullptr);
    CHECK_FALSE(product(x, w).requires_grad());
    const ag::NoGradScope nested;
  }
  CHECK(product(x, w).producer() != nullptr);
}

TEST_CASE("var: x y + x at x = 3, y = 5 has gradients 6 and 3", "[var]") {
  const Var x = leaf({}, {3}), y = leaf({}, {5});
  total({product(x, y), x}).backward();
  CHECK(same_bits(x.grad(), tensor({}, {6})));
  CHECK(same_bits(y.grad(), tensor({}, {3})));
}

TEST_CASE("var: gradients add up, inside a graph and over backward passes", "[var]") {
  const Var x = leaf({2}, {2, 7});
  const Var square = product(x, x);             // x^2
  product(square, square).backward(ones({2}));  // d x^4 = 4 x^3
  CHECK(same_bits(x.grad(), tensor({2}, {32, 1372})));
  product(x, x).backward(ones({2}));  // + 2 x
  CHECK(same_bits(x.grad(), tensor({2}, {36, 1386})));
  Var mine = x;  // the same variable
  mine.clear_grad();
  CHECK(x.grad().numel() == 0);
}

TEST_CASE("var: a kept gradient is never written by a later backward pass", "[var]") {
  const Var x = leaf({2}, {1, 2});
  const Tensor seed = ones({2});
  x.backward(seed);  // a leaf takes its seed
  const Tensor kept = x.grad();
  product(x, x).backward(seed);
  CHECK(same_bits(seed, ones({2})));
  CHECK(same_bits(kept, ones({2})));
  CHECK(same_bits(x.grad(), tensor({2}, {3, 5})));
}

TEST_CASE("var: backward passes through a value once, however many uses it has", "[var]") {
  // 40 doublings: 2^40 paths, 40 nodes.
  const Var x = leaf({}, {1});
  Var y = x;
  for (int i = 0; i < 40; ++i) y = total({y, y});
  y.backward();
  CHECK(same_bits(x.grad(), tensor({}, {1099511627776.0})));
}

TEST_CASE("var: a graph deeper than the stack is walked and taken apart", "[var]") {
  const Var x = leaf({}, {1});
  const auto chain = [&] {
    Var y = x;
    for (int i = 0; i < 300000; ++i) y = total({y});
    return y;
  };
  chain().backward();
  CHECK(same_bits(x.grad(), tensor({}, {1})));
  (void)chain();  // never walked
}

TEST_CASE("var: backward frees the graph as it goes", "[var]") {
  const Var x = leaf({2}, {1, 2});
  Var middle = product(x, x);
  const Tensor saved = middle.value();  // one owner here, one in middle
  Var y = product(middle, middle);
  {
    const Var other = middle;
    middle = Var();
    CHECK(y.producer() != nullptr);
    y.backward(ones({2}));
    CHECK(y.producer() == nullptr);
    CHECK(other.producer() == nullptr);
    CHECK(other.grad().numel() == 0);  // results keep no gradient
    CHECK_FALSE(saved.is_sole_owner());
  }
  CHECK(saved.is_sole_owner());  // nothing else holds the middle value
}

TEST_CASE("var: an operation that reads no input in its gradient keeps none", "[var]") {
  const Var x = leaf({2}, {1, 2});
  Tensor saved;
  Var y;
  {
    const Var middle = product(x, x);
    saved = middle.value();
    y = ag::add(middle, x);
    CHECK_FALSE(saved.is_sole_owner());
  }
  CHECK(saved.is_sole_owner());
  y.backward(ones({2}));
  CHECK(same_bits(x.grad(), tensor({2}, {3, 5})));
}

TEST_CASE("var: backward through a freed graph is refused, and changes nothing", "[var][error]") {
  const Var x = leaf({}, {3});
  const Var middle = product(x, x), y = product(middle, x), z = product(middle, x);
  y.backward();
  check_refused<UsageError>([&] { y.backward(); }, {"an earlier backward has freed"});
  check_refused<UsageError>([&] { z.backward(); }, {"an earlier backward has freed"});
  CHECK(same_bits(x.grad(), tensor({}, {27})));
  CHECK(z.producer() != nullptr);
}

TEST_CASE("var: misuse is refused with what to do", "[var][error]") {
  const Var x = leaf({2}, {1, 2});
  const Var y = product(x, x);
  check_refused<UsageError>([&] { y.backward(); }, {"[2]", "seed", "sum()"});
  check_refused([&] { y.backward(Tensor::zeros({3})); }, {"seed", "[3]", "[2]"});
  check_refused([&] { y.backward(Tensor::zeros({2}, DType::f64)); }, {"f64", "f32"});
  check_refused<UsageError>([&] { Var(Tensor::zeros({})).backward(); }, {"wants no gradient"});
  for (const DType dtype : {DType::i64, DType::i32, DType::u8, DType::i8}) {
    check_refused<UsageError>([&] { Var(Tensor::zeros({2}, dtype)).set_requires_grad(true); },
                              {to_string(dtype), "f32 and f64"});
  }
  Var result = y;
  check_refused<UsageError>([&] { result.set_requires_grad(false); }, {"leaves only", "detach()"});
  Var copy = x;
  check_refused([&] { copy.set_grad(Tensor::zeros({3})); }, {"[3]", "[2]"});
}

namespace {

// Gives its input a gradient of another shape.
struct WrongNode final : ag::Node {
  const char* name() const override { return "wrong"; }
  void backward(const Tensor&) override { input(0).accumulate(Tensor::zeros({7})); }
};

// Its input can be exchanged afterwards, which the interface does not allow.
struct LoopNode final : ag::Node {
  const char* name() const override { return "loop"; }
  void backward(const Tensor& gy) override { input(0).accumulate(gy); }
  void set_input(const Var& x) const { const_cast<std::vector<Var>&>(inputs())[0] = x; }
};

}  // namespace

TEST_CASE("var: a gradient of the wrong shape is caught at its operation", "[var][error]") {
  const Var x = leaf({2}, {1, 2});
  const Var y = ag::record<WrongNode>(x.value(), {product(x, x)});
  check_refused([&] { y.backward(ones({2})); }, {"backward of wrong", "[7]", "[2]"});
}

TEST_CASE("var: a cycle is refused at the operation that closes it", "[var][error]") {
  const Var x = leaf({2}, {1, 2});
  const Var looped = ag::record<LoopNode>(x.value(), {x});
  const Var y = product(looped, x);
  const auto* node = dynamic_cast<const LoopNode*>(looped.producer());
  REQUIRE(node != nullptr);
  node->set_input(y);
  check_refused<UsageError>([&] { y.backward(ones({2})); }, {"cycle through product"});
  CHECK(x.grad().numel() == 0);
  node->set_input(x);
}

TEST_CASE("var: an output without elements passes nothing on", "[var]") {
  const Var x = leaf({0}, {});
  const Var y = product(x, x);
  y.backward(Tensor::zeros({0}));
  CHECK(x.grad().numel() == 0);
}

TEST_CASE("var: the graph behind a value prints, each operation with its parameters", "[var]") {
  const Var x(Tensor::zeros({1, 2, 4, 4})), w = leaf({3, 2, 1, 1}, {1, 2, 3, 4, 5, 6});
  const Var y = ag::conv2d(x, w, Var(), {.stride = 2});
  CHECK(ag::graph_text(product(y, y)) ==
        "%0 = product(%1, %1) [1, 3, 2, 2]\n"
        "%1 = conv2d(%2, %3, -; stride 2, pad 0, dilation 1, groups 1) [1, 3, 2, 2]\n");
  CHECK(ag::graph_text(product(y, y), 1) == "%0 = product(%1, %1) [1, 3, 2, 2]\n...\n");
  CHECK(ag::graph_text(x) == "%0 = leaf [1, 2, 4, 4]\n");
}

namespace {

struct FailingNode final : ag::Node {
  const char* name() const override { return "failing"; }
  void backward(const Tensor&) override { throw std::bad_alloc(); }
};

}  // namespace

TEST_CASE("var: a graph deeper than the stack is freed, also where a node reads one input twice",
          "[var]") {
  Var y = leaf({1}, {1});
  for (int i = 0; i < 300000; ++i) y = ag::add(y, y);
  y = Var();
  SUCCEED();
}

TEST_CASE("var: a borrowed gradient is never written", "[var]") {
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *static_cast<float*>(page) = 2;
  mprotect(page, 4096, PROT_READ);
  const Var x = leaf({1}, {1});
  ag::reshape(x, {1, 1}).backward(Tensor::borrow({1, 1}, DType::f32, page, nullptr));
  ag::reshape(x, {1, 1}).backward();
  CHECK(same_bits(x.grad(), tensor({1}, {3})));
}

TEST_CASE("var: a pass that ended in an error leaves nothing to a later one", "[var]") {
  Var w = leaf({1}, {1});
  const Var h = ag::scale(w, 1), bad = ag::record<FailingNode>(h.value(), {h});
  const Var loss = ag::add(bad, ag::scale(h, 10));
  CHECK_THROWS_AS(loss.backward(), std::bad_alloc);
  w.clear_grad();
  h.backward();
  CHECK(same_bits(w.grad(), tensor({1}, {1})));
}

TEST_CASE("var: a leaf frozen between forward and backward gets no gradient", "[var]") {
  Var x = leaf({1}, {1});
  const Var y = ag::relu(x);
  x.set_requires_grad(false);
  y.backward();
  CHECK(x.grad().numel() == 0);
}

TEST_CASE("var: a step between forward and backward does not reach the gradient", "[var]") {
  const Var w = leaf({1}, {3});
  const Var first = ag::multiply(w, w), second = ag::multiply(w, w);
  ag::Sgd sgd({{.parameters = {{"w", w}}}}, {.momentum = 0});
  first.backward();
  sgd.step(0.5);
  sgd.clear_grads();
  second.backward();
  CHECK(same_bits(w.grad(), tensor({1}, {6})));
}

TEST_CASE("var: the value of a result cannot be replaced", "[var][error]") {
  const Var x = leaf({1}, {1});
  Var y = product(x, x);
  check_refused<UsageError>([&] { y.set_value(ones({1})); }, {"a leaf's"});
}

}  // namespace rf::test
