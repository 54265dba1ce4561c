#include "engine/ops/activation.hpp"

#include <cmath>
#include <limits>

#include "engine/kernels/reference.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("relu: negatives become 0, the rest stays", "[relu][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor y = relu(tensor({2, 3}, {-1.5, 0, 2.25, -0.0, 1e30, -1e-30}, dtype));
    CHECK(same_bits(y, tensor({2, 3}, {0, 0, 2.25, 0, 1e30, 0}, dtype)));
  }
}

TEST_CASE("leaky_relu: negatives are multiplied by the slope", "[leaky_relu][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor y = leaky_relu(tensor({5}, {-2, -0.5, 0, 0.5, 8}, dtype), {.slope = 0.25});
    CHECK(same_bits(y, tensor({5}, {-0.5, -0.125, 0, 0.5, 8}, dtype)));
  }
}

TEST_CASE("relu and leaky_relu: PyTorch's values", "[relu][leaky_relu][golden]") {
  check_golden("relu", [](const GoldenCase& c, DType dtype) { return relu(c.get("x", dtype)); });
  check_golden("leaky_relu", [](const GoldenCase& c, DType dtype) {
    return leaky_relu(c.get("x", dtype), {.slope = c.attributes.at("slope")});
  });
}

TEST_CASE("relu and leaky_relu: refuse element types without arithmetic", "[relu][error]") {
  check_refused([] { (void)relu(Tensor::zeros({2}, DType::u8)); }, {"relu", "f32 or f64", "u8"});
  check_refused([] { (void)leaky_relu(Tensor::zeros({2}, DType::i64)); }, {"leaky_relu", "i64"});
}

TEST_CASE("relu and leaky_relu: every table agrees with the reference, within bounds",
          "[relu][leaky_relu][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (Index n = 0; n <= 37; ++n) {
      CAPTURE(table->name, n);
      GuardedFloats x(n), y(n), expected(n);
      x.randomize(7);
      const ReluArgs<float> args{.x = x.data(), .y = y.data()};
      table->relu(args, 0, n);
      reference::relu<float>({.x = x.data(), .y = expected.data()}, 0, n);
      CHECK(same_bits(y.copy(), expected.copy()));
      table->leaky_relu({.x = x.data(), .y = y.data(), .slope = 0.1F}, 0, n);
      reference::leaky_relu<float>({.x = x.data(), .y = expected.data(), .slope = 0.1F}, 0, n);
      CHECK(same_bits(y.copy(), expected.copy()));
      CHECK(y.front_is_intact());
    }
  }
}

TEST_CASE("relu: a call writes its range alone", "[relu][leaky_relu][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    GuardedFloats x(40), y(40);
    x.randomize(8);
    table->relu({.x = x.data(), .y = y.data()}, 3, 20);
    for (const Index outside : {0, 1, 2, 20, 21, 39}) CHECK(y.data()[outside] < -1000);
    for (Index i = 3; i < 20; ++i) CHECK(y.data()[i] == std::fmax(x.data()[i], 0.0F));
  }
}

TEST_CASE("relu and leaky_relu: a NaN stays a NaN, infinities keep their sides",
          "[relu][property]") {
  const double inf = std::numeric_limits<double>::infinity();
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = tensor({4}, {std::nan(""), inf, -inf, -1}, dtype);
      const Tensor y = relu(x).to(DType::f64), z = leaky_relu(x).to(DType::f64);
      CHECK(std::isnan(y.data<double>()[0]));
      CHECK(std::isnan(z.data<double>()[0]));
      CHECK(y.data<double>()[1] == inf);
      CHECK(z.data<double>()[1] == inf);
      CHECK(y.data<double>()[2] == 0);
      CHECK(z.data<double>()[2] == -inf);
    }
  }
}

TEST_CASE("relu and leaky_relu: related as they should be, inputs untouched", "[relu][property]") {
  const Tensor x = random_tensor({3, 5, 7}, 1), before = x.clone();
  CHECK(relative_error(leaky_relu(x, {.slope = 0}), relu(x)) == 0);
  CHECK(same_bits(leaky_relu(x, {.slope = 1}), x));
  CHECK(same_bits(relu(relu(x)), relu(x)));
  CHECK(same_bits(x, before));
  CHECK(relu(Tensor()).numel() == 0);
  CHECK(relu(Tensor::zeros({})).shape() == Shape{});
}

TEST_CASE("relu and leaky_relu: same bits for any number of threads", "[relu][property]") {
  const Tensor x = random_tensor({100003}, 2);
  check_same_bits_on_any_threads([&] { return relu(x); });
  check_same_bits_on_any_threads([&] { return leaky_relu(x); });
}

}  // namespace rf::test
