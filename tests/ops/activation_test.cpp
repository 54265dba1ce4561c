#include "engine/ops/activation.hpp"

#include <cmath>
#include <limits>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using Vars = std::vector<ag::Var>;

ag::Var leaky_relu_of(const Vars& in) { return ag::leaky_relu(in[0], {.slope = 0.1}); }
ag::Var turning_relu_of(const Vars& in) { return ag::leaky_relu(in[0], {.slope = -0.3}); }
ag::Var relu_of(const Vars& in) { return ag::relu(in[0]); }

}  // namespace

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

TEST_CASE("relu and leaky_relu: PyTorch's gradients", "[relu][leaky_relu][golden][grad]") {
  check_golden_gradients("relu", {"x"},
                         [](const GoldenCase&, const Vars& in) { return ag::relu(in[0]); });
  check_golden_gradients("leaky_relu", {"x"}, [](const GoldenCase& c, const Vars& in) {
    return ag::leaky_relu(in[0], {.slope = c.attributes.at("slope")});
  });
}

TEST_CASE("relu and leaky_relu: gradients by hand, on every table",
          "[relu][leaky_relu][golden][grad]") {
  const double inf = std::numeric_limits<double>::infinity();
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor gy = tensor({6}, {2, 3, -4, inf, std::nan(""), -8}, dtype);
      const Tensor y = tensor({6}, {5, 0, 0, 0, 0, 1e-30}, dtype);
      // Nothing passes where y is 0, not even as -0 or NaN.
      CHECK(same_bits(relu_grad(gy, y), tensor({6}, {2, 0, 0, 0, 0, -8}, dtype)));
      CHECK(same_bits(leaky_relu_grad(gy, y, {.slope = 0}), relu_grad(gy, y)));
      CHECK(same_bits(leaky_relu_grad(tensor({4}, {2, 3, -4, 8}, dtype),
                                      tensor({4}, {5, -1, -2, 0}, dtype), {.slope = 0.25}),
                      tensor({4}, {2, 0.75, -1, 2}, dtype)));
    }
  }
}

TEST_CASE("relu and leaky_relu: gradients against differences, a negative slope too",
          "[relu][leaky_relu][grad]") {
  const Tensor x = tensor({2, 3}, {-2, -0.5, 0.25, 1, -0.125, 3}, DType::f64);  // away from 0
  check_gradients(relu_of, {x});
  check_gradients(leaky_relu_of, {x});
  check_gradients(turning_relu_of, {x});
}

TEST_CASE("leaky_relu: the slope shows in the recorded operation", "[leaky_relu][property]") {
  ag::Var x(Tensor::zeros({2, 3}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(ag::leaky_relu(x, {.slope = 0.25})).find("leaky_relu(%1; slope 0.25)") !=
        std::string::npos);
}

TEST_CASE("relu and leaky_relu: refuse element types without arithmetic", "[relu][error]") {
  check_refused([] { (void)relu(Tensor::zeros({2}, DType::u8)); }, {"relu", "f32 or f64", "u8"});
  check_refused([] { (void)leaky_relu(Tensor::zeros({2}, DType::i64)); }, {"leaky_relu", "i64"});
  check_refused([] { (void)relu_grad(Tensor::zeros({2}), Tensor::zeros({3})); },
                {"relu gradient", "[2]", "[3]"});
  check_refused([] { (void)leaky_relu_grad(Tensor::zeros({2}), Tensor::zeros({2}, DType::f64)); },
                {"leaky_relu gradient", "f32", "f64"});
}

TEST_CASE("leaky_relu: every table gives the reference's gradient bits, within bounds",
          "[relu][leaky_relu][isa][grad]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (Index n = 0; n <= 37; ++n) {
      for (const float slope : {0.0F, 0.1F, 1.0F}) {
        CAPTURE(table->name, n, slope);
        GuardedFloats gy(n), y(n), gx(n), expected(n);
        gy.randomize(9), y.randomize(10);
        if (n > 3) y.data()[3] = 0, y.data()[n - 1] = -0.0F;
        LeakyReluGradArgs<float> args{
            .gy = gy.data(), .y = y.data(), .gx = gx.data(), .slope = slope};
        table->leaky_relu_grad(args, 0, n);
        args.gx = expected.data();
        reference::leaky_relu_grad(args, 0, n);
        CHECK(same_bits(gx.copy(), expected.copy()));
        CHECK(gx.front_is_intact());
        if (n < 20) continue;
        GuardedFloats part(n);
        args.gx = part.data();
        table->leaky_relu_grad(args, 3, n - 2);
        for (const Index outside : {Index{2}, n - 2}) CHECK(part.data()[outside] < -1000);
        for (Index i = 3; i < n - 2; ++i) CHECK(part.data()[i] == expected.data()[i]);
      }
    }
  }
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
  check_same_bits_on_any_threads([&] { return all_gradients(relu_of, {x}); });
  check_same_bits_on_any_threads([&] { return all_gradients(leaky_relu_of, {x}); });
}

}  // namespace rf::test
