#include "engine/ops/linear.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "engine/ops/arithmetic.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

ag::Var layer(const std::vector<ag::Var>& in) { return ag::linear(in[0], in[1], in[2]); }

}  // namespace

TEST_CASE("linear: two rows by hand, with and without bias", "[linear][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({2, 3}, {1, 2, 3, -1, 0, 4}, dtype),
                 w = tensor({2, 3}, {1, 0, -1, 2, 3, 0.5}, dtype);
    CHECK(same_bits(linear(x, w, tensor({2}, {10, 20}, dtype)),
                    tensor({2, 2}, {8, 29.5, 5, 20}, dtype)));
    CHECK(same_bits(linear(x, w, Tensor()), tensor({2, 2}, {-2, 9.5, -5, 0}, dtype)));
  }
}

TEST_CASE("linear: PyTorch's values", "[linear][golden]") {
  check_golden("linear", [](const GoldenCase& c, DType dtype) {
    return linear(c.get("x", dtype), c.get("w", dtype), c.get("b", dtype));
  });
}

TEST_CASE("linear: PyTorch's gradients", "[linear][golden][grad]") {
  check_golden_gradients(
      "linear", {"x", "w", "b"},
      [](const GoldenCase&, const std::vector<ag::Var>& in) { return layer(in); });
}

TEST_CASE("linear: gradients by central differences, with and without bias", "[linear][grad]") {
  const Tensor x = random_tensor({3, 4}, 1, DType::f64), w = random_tensor({2, 4}, 2, DType::f64);
  check_gradients(layer, {x, w, random_tensor({2}, 3, DType::f64)});
  check_gradients(
      [](const std::vector<ag::Var>& in) { return ag::linear(in[0], in[1], ag::Var()); }, {x, w});
}

TEST_CASE("linear: refuses what does not fit, and says what", "[linear][error]") {
  const Tensor x = Tensor::zeros({2, 3}), w = Tensor::zeros({4, 3}), none;
  check_refused(
      [&] {
        (void)linear(x, Tensor::zeros({4, 2}), none);
      },
      {"linear", "[2, 3]", "[4, 2]"});
  check_refused([&] { (void)linear(Tensor::zeros({3}), w, none); }, {"[3]", "[N, C]"});
  check_refused([&] { (void)linear(x, Tensor::zeros({4, 3, 1}), none); }, {"[4, 3, 1]"});
  check_refused([&] { (void)linear(x, w, Tensor::zeros({3})); }, {"bias", "[3]", "[4]"});
  check_refused([&] { (void)linear(x, w, Tensor::zeros({1, 4})); }, {"[1, 4]"});
  check_refused([&] { (void)linear(x, Tensor::zeros({4, 3}, DType::f64), none); }, {"f32", "f64"});
  check_refused([&] { (void)linear(x, w, Tensor::zeros({4}, DType::f64)); }, {"f32", "f64"});
}

TEST_CASE("linear: every table agrees with the reference, within bounds", "[linear][isa]") {
  constexpr Index kBatch = 3;
  for (const KernelTable* table : supported_kernel_tables()) {
    for (Index features = 0; features <= 37; ++features) {
      for (const Index out : {1, 3, 4, 5, 9}) {
        CAPTURE(table->name, features, out);
        GuardedFloats x(kBatch * features), w(out * features), b(out), y(kBatch * out),
            expected(kBatch * out);
        x.randomize(1), w.randomize(2), b.randomize(3);
        LinearArgs<float> args{.x = x.data(),
                               .w = w.data(),
                               .b = b.data(),
                               .y = y.data(),
                               .in_features = features,
                               .out_features = out};
        table->linear(args, 0, kBatch * out);
        args.y = expected.data();
        reference::linear(args, 0, kBatch * out);
        CHECK(relative_error(y.copy(), expected.copy()) < 1e-5);
        CHECK(y.front_is_intact());
      }
    }
  }
}

TEST_CASE("linear: is linear; no inputs leave the bias", "[linear][property]") {
  const Tensor w = random_tensor({5, 40}, 1), none;
  const Tensor x = random_tensor({3, 40}, 2), z = random_tensor({3, 40}, 3);
  CHECK(relative_error(linear(add(x, z), w, none), add(linear(x, w, none), linear(z, w, none))) <
        1e-5);
  const Tensor b = tensor({2}, {3, 4});
  CHECK(same_bits(linear(Tensor::zeros({2, 0}), Tensor::zeros({2, 0}), b),
                  tensor({2, 2}, {3, 4, 3, 4})));
  CHECK(linear(Tensor::zeros({0, 40}), w, none).shape() == Shape{0, 5});
}

TEST_CASE("linear: same bits for any number of threads", "[linear][property]") {
  const Tensor x = random_tensor({7, 1003}, 4), w = random_tensor({101, 1003}, 5),
               b = random_tensor({101}, 6);
  check_same_bits_on_any_threads([&] { return linear(x, w, b); });
  const Tensor rows = random_tensor({1000, 30}, 7), weight = random_tensor({40, 30}, 8),
               bias = random_tensor({40}, 9);
  check_same_bits_on_any_threads([&] { return linear(rows, weight, bias); });
  check_same_bits_on_any_threads([&] { return all_gradients(layer, {rows, weight, bias}); });
}

TEST_CASE("linear: many rows at once give what the rows give alone", "[linear][property]") {
  const Tensor x = random_tensor({100, 37}, 10), w = random_tensor({33, 37}, 11),
               b = random_tensor({33}, 12);
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    for (const Tensor& bias : {b, Tensor()}) {
      const Tensor all = linear(x, w, bias);
      Tensor one_by_one = Tensor::empty({100, 33});
      for (Index n = 0; n < 100; ++n) {
        const Tensor row = Tensor::from({1, 37}, std::span<const float>(x.span<float>().subspan(
                                                     static_cast<std::size_t>(n * 37), 37)));
        const Tensor y = linear(row, w, bias);
        std::copy_n(y.data<float>(), 33, one_by_one.data<float>() + n * 33);
      }
      CHECK(relative_error(all, one_by_one) < 1e-5);
    }
  }
}

}  // namespace rf::test
