#include "engine/ops/permute.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// y at multi-index m is x at the multi-index n with n[axes[i]] = m[i], one element after another.
Tensor permute_by_definition(const Tensor& x, const std::vector<int>& axes) {
  Tensor y = Tensor::empty(permute_out_shape(x.shape(), axes));
  for (Index at = 0; at < y.numel(); ++at) {
    std::array<Index, Shape::kMaxRank> n{};
    Index rest = at;
    for (int i = y.shape().rank() - 1; i >= 0; --i) {
      n[static_cast<std::size_t>(axes[static_cast<std::size_t>(i)])] = rest % y.shape()[i];
      rest /= y.shape()[i];
    }
    Index from = 0;
    for (int i = 0; i < x.shape().rank(); ++i)
      from = from * x.shape()[i] + n[static_cast<std::size_t>(i)];
    y.data<float>()[at] = x.data<float>()[from];
  }
  return y;
}

}  // namespace

TEST_CASE("permute: NCHW to NHWC by hand, in every element type", "[permute][golden]") {
  const std::vector<int> axes{0, 2, 3, 1};
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::i8}) {
    CAPTURE(dtype);
    const Tensor y = permute(tensor({1, 2, 1, 3}, {1, 2, 3, 4, 5, 6}, dtype), axes);
    CHECK(same_bits(y, tensor({1, 1, 3, 2}, {1, 4, 2, 5, 3, 6}, dtype)));
  }
}

TEST_CASE("permute: refuses lists that are no permutation, and shows them", "[permute][error]") {
  const Shape x{2, 3, 4};
  const auto refused = [&](const std::vector<int>& axes, std::initializer_list<const char*> parts) {
    check_refused([&] { (void)permute_out_shape(x, axes); }, parts);
  };
  refused({0, 1}, {"permute", "{0, 1}", "[2, 3, 4]"});
  refused({0, 1, 1}, {"{0, 1, 1}"});
  refused({0, 1, 3}, {"{0, 1, 3}"});
  refused({0, -1, 2}, {"{0, -1, 2}"});
  refused({0, 1, 2, 3, 4, 5, 6}, {"{0, 1, 2, 3, 4, 5, 6}"});
  CHECK(permute_out_shape(x, std::vector<int>{2, 0, 1}) == Shape{4, 2, 3});
}

TEST_CASE("transpose: exchanges two axes, and refuses those that are not there",
          "[permute][transpose]") {
  const ag::Var x(tensor({1, 2, 3}, {1, 2, 3, 4, 5, 6}));
  CHECK(same_bits(ag::transpose(x, 1, 2).value(), tensor({1, 3, 2}, {1, 4, 2, 5, 3, 6})));
  CHECK(same_bits(ag::transpose(x, 2, 1).value(), ag::transpose(x, 1, 2).value()));
  CHECK(same_bits(ag::transpose(x, 0, 0).value(), x.value()));
  check_refused([&] { (void)ag::transpose(x, 1, 3); }, {"transpose", "[1, 2, 3]", "1 and 3"});
  check_refused([&] { (void)ag::transpose(x, -1, 0); }, {"-1 and 0"});
}

TEST_CASE("reshape: the elements in their order, under another shape", "[reshape]") {
  const ag::Var x(tensor({2, 3}, {1, 2, 3, 4, 5, 6}));
  CHECK(same_bits(ag::reshape(x, {3, 2}).value(), tensor({3, 2}, {1, 2, 3, 4, 5, 6})));
  check_refused([&] { (void)ag::reshape(x, {4, 2}); }, {"[2, 3]", "[4, 2]"});
}

TEST_CASE("permute, transpose, reshape: gradients against differences",
          "[permute][transpose][reshape][grad]") {
  using Vars = std::vector<ag::Var>;
  const Tensor x = random_tensor({2, 3, 4}, 4, DType::f64);
  for (const std::vector<int>& axes : {std::vector<int>{1, 2, 0}, {2, 0, 1}, {0, 2, 1}}) {
    check_gradients([&](const Vars& in) { return ag::permute(in[0], axes); }, {x});
  }
  check_gradients([](const Vars& in) { return ag::transpose(in[0], 0, 2); }, {x});
  check_gradients([](const Vars& in) { return ag::reshape(in[0], {6, 4}); }, {x});
}

TEST_CASE("permute: the axes show in the recorded operation", "[permute][property]") {
  ag::Var x(Tensor::zeros({2, 3, 4}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(ag::permute(x, {1, 2, 0})).find("permute(%1; axis0 1, axis1 2, axis2 0)") !=
        std::string::npos);
}

TEST_CASE("reshape: two uses of a value add up, though the gradients share storage",
          "[reshape][grad]") {
  ag::Var x(tensor({2}, {1, 2}));
  x.set_requires_grad(true);
  const ag::Var row = ag::reshape(x, {1, 2});
  const Tensor seed = tensor({2, 2}, {1, 10, 100, 1000}), before = seed.clone();
  ag::reshape(ag::concat({row, row}, 0), {2, 2}).backward(seed);
  CHECK(same_bits(x.grad(), tensor({2}, {101, 1010})));
  ag::reshape(ag::reshape(x, {1, 2}), {2}).backward(tensor({2}, {1, 1}));
  CHECK(same_bits(x.grad(), tensor({2}, {102, 1011})));
  CHECK(same_bits(seed, before));
}

TEST_CASE("permute: every order of every axis is the definition, and its inverse undoes it",
          "[permute][property]") {
  for (const Shape& shape :
       {Shape{}, Shape{5}, Shape{37, 70}, Shape{3, 1, 40}, Shape{2, 3, 4, 5}, Shape{1, 33, 2, 35},
        Shape{2, 1, 3, 2, 4}, Shape{2, 0, 3}, Shape{1, 1, 1}}) {
    const Tensor x = random_tensor(shape, 1);
    std::vector<int> axes(static_cast<std::size_t>(shape.rank()));
    std::iota(axes.begin(), axes.end(), 0);
    do {
      CAPTURE(to_string(shape), axes);
      const Tensor y = permute(x, axes);
      CHECK(same_bits(y, permute_by_definition(x, axes)));
      std::vector<int> inverse(axes.size());
      for (std::size_t i = 0; i < axes.size(); ++i)
        inverse[static_cast<std::size_t>(axes[i])] = static_cast<int>(i);
      CHECK(same_bits(permute(y, inverse), x));
    } while (std::next_permutation(axes.begin(), axes.end()));
  }
}

TEST_CASE("permute: reads nothing past the end", "[permute][isa]") {
  for (Index n = 1; n <= 40; ++n) {
    GuardedFloats x(3 * n);
    x.randomize(2);
    const Tensor borrowed = Tensor::borrow({3, n}, DType::f32, x.data(), nullptr);
    CHECK(same_bits(permute(borrowed, std::vector<int>{1, 0}),
                    permute_by_definition(borrowed, {1, 0})));
  }
}

TEST_CASE("permute: same bits for any number of threads", "[permute][property]") {
  const Tensor x = random_tensor({2, 20, 61, 67}, 3);
  for (const std::vector<int>& axes : {std::vector<int>{0, 2, 3, 1}, {1, 0, 2, 3}, {3, 2, 1, 0}}) {
    check_same_bits_on_any_threads([&] { return permute(x, axes); });
    const auto f = [&](const std::vector<ag::Var>& in) { return ag::permute(in[0], axes); };
    check_same_bits_on_any_threads([&] { return all_gradients(f, {x}); });
  }
}

}  // namespace rf::test
