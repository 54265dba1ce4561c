#include "engine/ops/slice.hpp"

#include <limits>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using Vars = std::vector<ag::Var>;

// x[..., begin:end, ...] along `axis`, element by element.
Tensor slice_by_definition(const Tensor& x, int axis, Index begin, Index end) {
  const Shape& shape = x.shape();
  Index inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  Tensor y = Tensor::empty(shape.with(axis, end - begin), x.dtype());
  const Index size = shape[axis], kept = end - begin;
  for (Index i = 0; i < y.numel(); ++i) {
    const Index outer = i / (kept * inner), middle = i / inner % kept;
    y.data<float>()[i] = x.data<float>()[(outer * size + begin + middle) * inner + i % inner];
  }
  return y;
}

}  // namespace

TEST_CASE("slice: rows and columns by hand, in every element type", "[slice][golden]") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::i8}) {
    CAPTURE(dtype);
    const Tensor x = tensor({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, dtype);
    CHECK(same_bits(slice(x, 0, 1, 3), tensor({2, 3}, {4, 5, 6, 7, 8, 9}, dtype)));
    CHECK(same_bits(slice(x, 1, 1, 2), tensor({3, 1}, {2, 5, 8}, dtype)));
    CHECK(same_bits(slice_grad(tensor({3, 1}, {2, 5, 8}, dtype), {3, 3}, 1, 1),
                    tensor({3, 3}, {0, 2, 0, 0, 5, 0, 0, 8, 0}, dtype)));
    CHECK(same_bits(slice_grad(tensor({1, 2}, {4, 5}, dtype), {3, 2}, 0, 2),
                    tensor({3, 2}, {0, 0, 0, 0, 4, 5}, dtype)));
  }
}

TEST_CASE("slice: refuses ranges that are not there, and says which", "[slice][error]") {
  const Shape x{2, 5};
  const auto refused = [&](int axis, Index begin, Index end,
                           std::initializer_list<const char*> parts) {
    check_refused([&] { (void)slice_out_shape(x, axis, begin, end); }, parts);
  };
  refused(2, 0, 1, {"slice", "[2, 5]", "axis 2"});
  refused(-1, 0, 1, {"axis -1"});
  refused(1, -1, 2, {"[-1, 2)", "axis 1", "[2, 5]"});
  refused(1, 3, 2, {"[3, 2)"});
  refused(1, 0, 6, {"[0, 6)"});
  CHECK(slice_out_shape(x, 1, 5, 5) == Shape{2, 0});
  const auto grad_refused = [&](const Shape& gy, int axis, Index begin,
                                std::initializer_list<const char*> parts) {
    check_refused([&] { (void)slice_grad(Tensor::zeros(gy), x, axis, begin); }, parts);
  };
  grad_refused({2, 3}, 2, 0, {"slice gradient", "[2, 3]", "[2, 5]", "axis 2"});
  grad_refused({2}, 1, 0, {"[2]", "[2, 5]"});
  grad_refused({1, 3}, 1, 0, {"[1, 3]", "[2, 5]"});
  grad_refused({2, 3}, 1, 3, {"[2, 3]", "from 3"});
  grad_refused({2, 6}, 1, 0, {"[2, 6]"});
  grad_refused({2, 3}, 1, -1, {"from -1"});
  grad_refused({2, 3}, 1, std::numeric_limits<Index>::max(), {"from 9223372036854775807"});
}

TEST_CASE("slice: gradient against differences", "[slice][grad]") {
  const Tensor x = random_tensor({2, 3, 4}, 1, DType::f64);
  check_gradients([](const Vars& in) { return ag::slice(in[0], 0, 1, 2); }, {x});
  check_gradients([](const Vars& in) { return ag::slice(in[0], 1, 0, 2); }, {x});
  check_gradients([](const Vars& in) { return ag::slice(in[0], 2, 1, 4); }, {x});
}

TEST_CASE("slice: the range shows in the recorded operation", "[slice][property]") {
  ag::Var x(Tensor::zeros({2, 5}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(ag::slice(x, 1, 2, 4)).find("slice(%1; axis 1, begin 2, end 4)") !=
        std::string::npos);
}

TEST_CASE("slice: every range of every axis is the definition; its gradient puts it back",
          "[slice][property]") {
  for (const Shape& shape : {Shape{7}, Shape{3, 1, 5}, Shape{2, 3, 4, 5}, Shape{2, 0, 3}}) {
    const Tensor x = random_tensor(shape, 2);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      for (Index begin = 0; begin <= shape[axis]; ++begin) {
        for (Index end = begin; end <= shape[axis]; ++end) {
          CAPTURE(to_string(shape), axis, begin, end);
          const Tensor y = slice(x, axis, begin, end);
          CHECK(same_bits(y, slice_by_definition(x, axis, begin, end)));
          const std::vector<Tensor> parts{Tensor::zeros(shape.with(axis, begin)), y,
                                          Tensor::zeros(shape.with(axis, shape[axis] - end))};
          CHECK(same_bits(slice_grad(y, shape, axis, begin), concat(parts, axis)));
        }
      }
    }
    CHECK_FALSE(slice(x, 0, 0, shape[0]).shares_storage_with(x));
  }
}

TEST_CASE("slice: reads nothing past the end", "[slice][isa]") {
  for (Index n = 2; n <= 33; ++n) {
    GuardedFloats x(2 * n);
    x.randomize(3);
    const Tensor borrowed = Tensor::borrow({2, n}, DType::f32, x.data(), nullptr);
    CHECK(same_bits(slice(borrowed, 1, 1, n), slice_by_definition(borrowed, 1, 1, n)));
  }
}

TEST_CASE("slice: same bits for any number of threads", "[slice][property]") {
  const Tensor planes = random_tensor({2, 8, 161, 167}, 4), pairs = random_tensor({30001, 4}, 5);
  const auto channels = [](const Vars& in) { return ag::slice(in[0], 1, 2, 7); };
  const auto columns = [](const Vars& in) { return ag::slice(in[0], 1, 1, 3); };
  check_same_bits_on_any_threads([&] { return slice(planes, 1, 2, 7); });
  check_same_bits_on_any_threads([&] { return slice(pairs, 1, 1, 3); });
  check_same_bits_on_any_threads([&] { return all_gradients(channels, {planes}); });
  check_same_bits_on_any_threads([&] { return all_gradients(columns, {pairs}); });
}

}  // namespace rf::test
