#include "engine/ops/concat.hpp"

#include <limits>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/ops/slice.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("concat: rows and columns by hand, in every element type", "[concat][golden]") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::i8}) {
    CAPTURE(dtype);
    const std::vector<Tensor> parts{tensor({2, 1}, {1, 2}, dtype),
                                    tensor({2, 2}, {3, 4, 5, 6}, dtype)};
    CHECK(same_bits(concat(parts, 1), tensor({2, 3}, {1, 3, 4, 2, 5, 6}, dtype)));
    const std::vector<Tensor> rows{tensor({1, 2}, {1, 2}, dtype),
                                   tensor({2, 2}, {3, 4, 5, 6}, dtype)};
    CHECK(same_bits(concat(rows, 0), tensor({3, 2}, {1, 2, 3, 4, 5, 6}, dtype)));
  }
}

TEST_CASE("concat: refuses parts that do not fit, and says which", "[concat][error]") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({2, 4});
  const auto run = [](std::vector<Tensor> parts, int axis) { (void)concat(parts, axis); };
  check_refused([&] { run({}, 0); }, {"concat", "no tensors"});
  check_refused([&] { run({a, b}, 0); }, {"[2, 3]", "[2, 4]", "axis 0"});
  check_refused([&] { run({a, b}, 2); }, {"[2, 3]", "axis 2"});
  check_refused([&] { run({a, b}, -1); }, {"axis -1"});
  check_refused([&] { run({a, Tensor::zeros({2, 3, 1})}, 1); }, {"[2, 3]", "[2, 3, 1]"});
  check_refused(
      [&] {
        run({Tensor::zeros({2}), Tensor::zeros({2}, DType::f64)}, 0);
      },
      {"f32", "f64"});
  check_refused([&] { run({Tensor::zeros({})}, 0); }, {"[]"});
  const Index half = std::numeric_limits<Index>::max() / 2 + 1;
  check_refused([&] { run({Tensor::zeros({0, half}), Tensor::zeros({0, half})}, 1); }, {"63 bits"});
}

TEST_CASE("concat: gradients against differences", "[concat][grad]") {
  for (int axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    const Shape shape{2, 3, 2};
    check_gradients(
        [&](const std::vector<ag::Var>& in) { return ag::concat(in, axis); },
        {random_tensor(shape, 1, DType::f64), random_tensor(shape.with(axis, 1), 2, DType::f64),
         random_tensor(shape.with(axis, 4), 3, DType::f64)});
  }
}

TEST_CASE("concat: each part gets its piece of the gradient, and only if it wants one",
          "[concat][grad]") {
  ag::Var a(tensor({1, 2}, {1, 2})), constant(tensor({1, 1}, {3})), b(tensor({1, 3}, {4, 5, 6}));
  a.set_requires_grad(true);
  b.set_requires_grad(true);
  const ag::Var y = ag::concat({a, constant, b, a}, 1);
  CHECK(ag::graph_text(y).find("; axis 1)") != std::string::npos);
  y.backward(tensor({1, 8}, {10, 20, 30, 40, 50, 60, 1, 2}));
  CHECK(same_bits(a.grad(), tensor({1, 2}, {11, 22})));
  CHECK(constant.grad().numel() == 0);
  CHECK(same_bits(b.grad(), tensor({1, 3}, {40, 50, 60})));
}

TEST_CASE("concat: slicing gives the parts back", "[concat][property]") {
  for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 6, 70, 90}, Shape{7}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      CAPTURE(to_string(shape), axis);
      const std::vector<Tensor> parts{
          random_tensor(shape, 1), random_tensor(shape.with(axis, 3), 2),
          Tensor::zeros(shape.with(axis, 0)), random_tensor(shape.with(axis, 1), 3)};
      const Tensor y = concat(parts, axis);
      Index begin = 0;
      for (const Tensor& part : parts) {
        const Index end = begin + part.shape()[axis];
        CHECK(same_bits(slice(y, axis, begin, end), part));
        begin = end;
      }
      CHECK(y.shape()[axis] == begin);
    }
  }
}

TEST_CASE("concat: one part is a copy; parts without elements vanish", "[concat][property]") {
  const Tensor x = random_tensor({2, 3}, 4);
  const std::vector<Tensor> one{x}, empty{Tensor::zeros({2, 0}), Tensor::zeros({2, 0})};
  CHECK(same_bits(concat(one, 0), x));
  CHECK_FALSE(concat(one, 0).shares_storage_with(x));
  CHECK(concat(empty, 1).shape() == Shape{2, 0});
}

TEST_CASE("concat: reads nothing past the end", "[concat][isa]") {
  for (Index n = 1; n <= 33; ++n) {
    GuardedFloats a(n), b(2 * n);
    a.randomize(1), b.randomize(2);
    const std::vector<Tensor> parts{Tensor::borrow({1, n}, DType::f32, a.data(), nullptr),
                                    Tensor::borrow({1, 2 * n}, DType::f32, b.data(), nullptr)};
    CHECK(same_bits(slice(concat(parts, 1), 1, n, 3 * n), parts[1].clone()));
  }
}

TEST_CASE("concat: same bits for any number of threads", "[concat][property]") {
  const std::vector<Tensor> planes{random_tensor({2, 8, 61, 67}, 5),
                                   random_tensor({2, 3, 61, 67}, 6)};
  const std::vector<Tensor> pairs{random_tensor({30001, 2}, 7), random_tensor({30001, 4}, 8)};
  check_same_bits_on_any_threads([&] { return concat(planes, 1); });
  check_same_bits_on_any_threads([&] { return concat(pairs, 1); });
  const auto along_1 = [](const std::vector<ag::Var>& in) { return ag::concat(in, 1); };
  check_same_bits_on_any_threads([&] { return all_gradients(along_1, planes); });
}

}  // namespace rf::test
