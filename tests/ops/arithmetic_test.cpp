#include "engine/ops/arithmetic.hpp"

#include <array>
#include <functional>

#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "engine/ops/sum.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

struct Operation {
  const char* name;
  Tensor (*of_tensors)(const Tensor&, const Tensor&);
  ag::Var (*of_vars)(const ag::Var&, const ag::Var&);
  void (*KernelTable::*kernel)(const BinaryArgs<float>&, Index, Index) noexcept;
  float (*of_numbers)(float, float);
};

const std::array<Operation, 4> kOperations{
    {{"add", add, ag::add, &KernelTable::add, [](float a, float b) { return a + b; }},
     {"subtract", subtract, ag::subtract, &KernelTable::subtract,
      [](float a, float b) { return a - b; }},
     {"multiply", multiply, ag::multiply, &KernelTable::multiply,
      [](float a, float b) { return a * b; }},
     {"divide", divide, ag::divide, &KernelTable::divide, [](float a, float b) { return a / b; }}}};

// Pairs of shapes that broadcast: repeats at the end, in the middle, at the front, on both sides,
// of everything, of nothing; rows longer and shorter than a vector.
const std::vector<std::array<Shape, 2>> kPairs{{Shape{2, 3, 4}, Shape{2, 3, 4}},
                                               {Shape{2, 3, 4}, Shape{2, 3, 1}},
                                               {Shape{2, 3, 4}, Shape{2, 1, 4}},
                                               {Shape{2, 1, 4}, Shape{1, 3, 1}},
                                               {Shape{2, 3, 4}, Shape{4}},
                                               {Shape{3, 1}, Shape{2, 1, 5}},
                                               {Shape{}, Shape{2, 3}},
                                               {Shape{}, Shape{}},
                                               {Shape{5, 37}, Shape{37}},
                                               {Shape{5, 1}, Shape{1, 37}},
                                               {Shape{2, 1, 3, 1, 2, 1}, Shape{1, 2, 1, 2, 1, 3}}};

// The element of x that an element of y, given by its number, reads: by division, axis by axis.
float element(const Tensor& x, const Shape& y, Index index) {
  Index offset = 0, step = 1;
  for (int axis = y.rank() - 1; axis >= 0; index /= y[axis--]) {
    const int in_x = axis - y.rank() + x.shape().rank();
    if (in_x < 0) continue;
    if (x.shape()[in_x] != 1) offset += index % y[axis] * step;
    step *= x.shape()[in_x];
  }
  return x.data<float>()[offset];
}

// Standard-normal values moved away from zero, to divide by.
Tensor divisors(const Shape& shape, std::uint64_t seed) {
  Tensor x = random_tensor(shape, seed, DType::f64);
  for (double& v : x.span<double>()) v += v < 0 ? -1 : 1;
  return x;
}

}  // namespace

TEST_CASE("arithmetic: element by element", "[arithmetic][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor a = tensor({2, 2}, {1, 2, 3, 4}, dtype),
                 b = tensor({2, 2}, {0.5, -2, 8, 1}, dtype);
    CHECK(same_bits(add(a, b), tensor({2, 2}, {1.5, 0, 11, 5}, dtype)));
    CHECK(same_bits(subtract(a, b), tensor({2, 2}, {0.5, 4, -5, 3}, dtype)));
    CHECK(same_bits(multiply(a, b), tensor({2, 2}, {0.5, -4, 24, 4}, dtype)));
    CHECK(same_bits(divide(a, b), tensor({2, 2}, {2, -1, 0.375, 4}, dtype)));
    CHECK(same_bits(scale(a, -0.5), tensor({2, 2}, {-0.5, -1, -1.5, -2}, dtype)));
  }
}

TEST_CASE("arithmetic: a column and a row make a table; a scalar reaches every element",
          "[arithmetic][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor column = tensor({2, 1}, {10, 20}, dtype), row = tensor({3}, {1, 2, 4}, dtype);
    CHECK(same_bits(add(column, row), tensor({2, 3}, {11, 12, 14, 21, 22, 24}, dtype)));
    CHECK(same_bits(subtract(column, row), tensor({2, 3}, {9, 8, 6, 19, 18, 16}, dtype)));
    CHECK(same_bits(multiply(column, row), tensor({2, 3}, {10, 20, 40, 20, 40, 80}, dtype)));
    CHECK(same_bits(divide(row, column), divide(tensor({2, 3}, {1, 2, 4, 1, 2, 4}, dtype),
                                                tensor({2, 3}, {10, 10, 10, 20, 20, 20}, dtype))));
    CHECK(same_bits(subtract(tensor({}, {5}, dtype), row), tensor({3}, {4, 3, 1}, dtype)));
    CHECK(same_bits(broadcast_to(column, {2, 2, 2}),
                    tensor({2, 2, 2}, {10, 10, 20, 20, 10, 10, 20, 20}, dtype)));
    CHECK(same_bits(sum_to(tensor({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}, dtype), {2, 1}),
                    tensor({2, 1}, {14, 22}, dtype)));
  }
}

TEST_CASE("arithmetic: the shape of the result", "[arithmetic][golden]") {
  CHECK(broadcast_shape({4, 1, 3}, {2, 1}) == Shape{4, 2, 3});
  CHECK(broadcast_shape({}, {2, 0}) == Shape{2, 0});
  CHECK(broadcast_shape({1}, {0}) == Shape{0});
  CHECK(broadcast_shape({3}, {1, 1, 1, 1, 1, 1}) == Shape{1, 1, 1, 1, 1, 3});
}

TEST_CASE("arithmetic: refuses other shapes and types, and says which", "[arithmetic][error]") {
  const Tensor a = Tensor::zeros({2, 3});
  for (const Operation& op : kOperations) {
    CAPTURE(op.name);
    const auto run = [&](const Tensor& b) { (void)op.of_tensors(a, b); };
    check_refused([&] { run(Tensor::zeros({3, 2})); }, {op.name, "[2, 3]", "[3, 2]"});
    check_refused([&] { run(Tensor::zeros({6})); }, {op.name, "[2, 3]", "[6]", "3 and 6"});
    check_refused(
        [&] {
          run(Tensor::zeros({2, 3}, DType::f64));
        },
        {op.name, "f32", "f64", "Tensor::to"});
    check_refused([&] { run(Tensor::zeros({0})); }, {op.name, "3 and 0"});
  }
  const Tensor integers = Tensor::zeros({1}, DType::i32);
  check_refused([&] { (void)add(integers, integers); }, {"i32"});
  check_refused([&] { (void)scale(integers, 2); }, {"scale", "i32"});
  check_refused([&] { (void)broadcast_shape({2}, {3}); }, {"broadcast", "[2]", "[3]"});
  check_refused([&] { (void)broadcast_to(a, {2, 1}); }, {"broadcast_to", "[2, 3]", "[2, 1]"});
  check_refused([&] { (void)broadcast_to(a, {3}); }, {"broadcast_to", "[2, 3]", "[3]"});
  check_refused([&] { (void)sum_to(a, {2}); }, {"sum_to", "[2]", "[2, 3]"});
  check_refused([&] { (void)sum_to(a, {4, 2, 3}); }, {"sum_to", "[4, 2, 3]", "[2, 3]"});
  Tensor sum = a.clone();
  check_refused([&] { add_to(sum, Tensor::zeros({3})); }, {"add", "[2, 3]", "[3]"});
}

TEST_CASE("arithmetic: gradients by central differences, with broadcasting", "[arithmetic][grad]") {
  for (const Operation& op : kOperations) {
    for (const auto& [a, b] : kPairs) {
      CAPTURE(op.name, to_string(a), to_string(b));
      const auto f = [&](const std::vector<ag::Var>& in) { return op.of_vars(in[0], in[1]); };
      check_gradients(f, {random_tensor(a, 1, DType::f64), divisors(b, 2)});
      check_gradients(f, {random_tensor(b, 3, DType::f64), divisors(a, 4)});
    }
  }
  check_gradients([](const std::vector<ag::Var>& in) { return ag::scale(in[0], -2.5); },
                  {random_tensor({3, 4}, 5, DType::f64)});
}

TEST_CASE("arithmetic: a value used on both sides gets both gradients", "[arithmetic][grad]") {
  ag::Var x(tensor({3}, {1, -2, 4}));
  x.set_requires_grad(true);
  ag::multiply(x, x).backward(tensor({3}, {1, 1, 10}));
  CHECK(same_bits(x.grad(), tensor({3}, {2, -4, 80})));
  x.clear_grad();
  ag::add(x, x).backward(tensor({3}, {1, 2, 3}));
  CHECK(same_bits(x.grad(), tensor({3}, {2, 4, 6})));
  x.clear_grad();
  ag::subtract(x, x).backward(tensor({3}, {1, 2, 3}));
  CHECK(same_bits(x.grad(), tensor({3}, {0, 0, 0})));
}

TEST_CASE("arithmetic: an input that wants no gradient gets none", "[arithmetic][grad]") {
  for (const Operation& op : kOperations) {
    CAPTURE(op.name);
    ag::Var a(tensor({2}, {1, 2})), b(tensor({1}, {4}));
    a.set_requires_grad(true);
    op.of_vars(a, b).backward(tensor({2}, {1, 1}));
    CHECK(a.grad().shape() == Shape{2});
    CHECK(b.grad().numel() == 0);
  }
}

TEST_CASE("arithmetic: broadcasting reads the right elements, on every table",
          "[arithmetic][property]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    const WithKernels use(*table);
    for (const Operation& op : kOperations) {
      for (const auto& [first, second] : kPairs) {
        CAPTURE(table->name, op.name, to_string(first), to_string(second));
        const Tensor a = random_tensor(first, 1), b = random_tensor(second, 2);
        const Tensor y = op.of_tensors(a, b), turned = op.of_tensors(b, a);
        bool right = true;
        for (Index i = 0; i < y.numel(); ++i) {
          const float in_a = element(a, y.shape(), i), in_b = element(b, y.shape(), i);
          right = right && y.data<float>()[i] == op.of_numbers(in_a, in_b) &&
                  turned.data<float>()[i] == op.of_numbers(in_b, in_a);
        }
        CHECK(right);
      }
    }
  }
}

TEST_CASE("arithmetic: every table gives the reference's bits, within bounds",
          "[arithmetic][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const Operation& op : kOperations) {
      for (const auto& [a_step, b_step] : {std::pair(1, 1), std::pair(0, 1), std::pair(1, 0)}) {
        for (Index n = 0; n <= 37; ++n) {
          CAPTURE(table->name, op.name, n, a_step, b_step);
          GuardedFloats a(a_step ? n : 1), b(b_step ? n : 1), y(n);
          a.randomize(1);
          b.randomize(2);
          (table->*op.kernel)({.a = a.data(),
                               .b = b.data(),
                               .y = y.data(),
                               .axes = 1,
                               .size = {n},
                               .a_step = {a_step},
                               .b_step = {b_step}},
                              0, n);
          bool right = true;
          for (Index i = 0; i < n; ++i) {
            right = right && y.data()[i] ==
                                 op.of_numbers(a.data()[a_step ? i : 0], b.data()[b_step ? i : 0]);
          }
          CHECK(right);
          CHECK(y.front_is_intact());
        }
      }
    }
  }
}

TEST_CASE("arithmetic: a kernel call may begin and end inside a row", "[arithmetic][isa]") {
  constexpr Index kRows = 3, kSize = 21, kAll = 2 * kRows * kSize;  // a [2, 1, 21], b [3, 1]
  for (const KernelTable* table : supported_kernel_tables()) {
    GuardedFloats a(2 * kSize), b(kRows), y(kAll), expected(kAll);
    a.randomize(1);
    b.randomize(2);
    BinaryArgs<float> args{.a = a.data(),
                           .b = b.data(),
                           .y = expected.data(),
                           .axes = 3,
                           .size = {2, kRows, kSize},
                           .a_step = {kSize, 0, 1},
                           .b_step = {0, 1, 0}};
    reference::subtract(args, 0, kAll);
    args.y = y.data();
    for (Index begin = 0; begin < kAll; begin += 10)
      table->subtract(args, begin, std::min(begin + 10, kAll));
    CAPTURE(table->name);
    CHECK(same_bits(y.copy(), expected.copy()));
    CHECK(y.front_is_intact());
  }
}

TEST_CASE("arithmetic: add commutes, zero changes nothing, inputs untouched",
          "[arithmetic][property]") {
  const Tensor a = random_tensor({4, 5, 6}, 1), b = random_tensor({4, 5, 6}, 2), before = a.clone();
  CHECK(same_bits(add(a, b), add(b, a)));
  CHECK(same_bits(add(a, Tensor::zeros(a.shape())), a));
  CHECK(same_bits(a, before));
  CHECK(add(Tensor(), Tensor()).numel() == 0);
  CHECK(add(Tensor::zeros({2, 0, 3}), Tensor::zeros({2, 1, 1})).shape() == Shape{2, 0, 3});
  Tensor sum = a.clone();
  add_to(sum, b);
  CHECK(same_bits(sum, add(a, b)));
}

TEST_CASE("arithmetic: sum_to is the adjoint of broadcast_to", "[arithmetic][property]") {
  for (const auto& [from, to] :
       {std::pair(Shape{1, 64, 1, 1}, Shape{8, 64, 40, 40}), std::pair(Shape{40}, Shape{999, 40}),
        std::pair(Shape{999, 1}, Shape{999, 40}), std::pair(Shape{}, Shape{70, 1001})}) {
    CAPTURE(to_string(from), to_string(to));
    const Tensor x = random_tensor(from, 1), y = random_tensor(to, 2);
    const Tensor repeated = broadcast_to(x, to);
    CHECK(repeated.shape() == to);
    const auto inner = [](const Tensor& a, const Tensor& b) {
      double total = 0;
      for (Index i = 0; i < a.numel(); ++i)
        total += static_cast<double>(a.data<float>()[i]) * static_cast<double>(b.data<float>()[i]);
      return total;
    };
    CHECK(inner(repeated, y) == Approx(inner(x, sum_to(y, from))).epsilon(1e-5).margin(1e-3));
  }
  CHECK(same_bits(sum_to(Tensor::zeros({0, 3}), {1, 3}), Tensor::zeros({1, 3})));
}

TEST_CASE("arithmetic: same bits for any number of threads", "[arithmetic][property]") {
  const Tensor a = random_tensor({70001}, 3), b = random_tensor({70001}, 4);
  const Tensor planes = random_tensor({3, 7, 50, 51}, 5), channels = random_tensor({7, 1, 1}, 6);
  for (const Operation& op : kOperations) {
    CAPTURE(op.name);
    check_same_bits_on_any_threads([&] { return op.of_tensors(a, b); });
    check_same_bits_on_any_threads([&] { return op.of_tensors(planes, channels); });
    check_same_bits_on_any_threads([&] {
      return all_gradients([&](const std::vector<ag::Var>& in) { return op.of_vars(in[0], in[1]); },
                           {planes, channels});
    });
  }
}

}  // namespace rf::test
