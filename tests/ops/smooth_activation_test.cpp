// elu, sigmoid, tanh, exp and log: functions of one element whose values come from engine/math.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using Vars = std::vector<ag::Var>;
const double kInf = std::numeric_limits<double>::infinity();

ag::Var elu_of(const Vars& in) { return ag::elu(in[0], {.alpha = 0.75}); }
ag::Var sigmoid_of(const Vars& in) { return ag::sigmoid(in[0]); }
ag::Var tanh_of(const Vars& in) { return ag::tanh(in[0]); }
ag::Var exp_of(const Vars& in) { return ag::exp(in[0]); }
ag::Var log_of(const Vars& in) { return ag::log(in[0]); }

// The largest |f(x) - exact(x)| / |exact(x)| over magnitudes from 1e-300 to 30, of either sign.
double worst_error(Tensor (*f)(const Tensor&), long double (*exact)(long double)) {
  std::vector<double> points;
  for (int e = -300; e <= -1; e += 3) points.push_back(1.7 * std::pow(10.0, e));
  for (int i = 1; i <= 300; ++i) points.push_back(i / 10.0);
  for (std::size_t i = points.size(); i-- > 0;) points.push_back(-points[i]);
  const Tensor y =
      f(Tensor::from({static_cast<Index>(points.size())}, std::span<const double>(points)));
  double worst = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const long double expected = exact(static_cast<long double>(points[i]));
    const long double error = std::abs(static_cast<long double>(y.data<double>()[i]) - expected);
    worst = std::fmax(worst, static_cast<double>(error / std::abs(expected)));
  }
  return worst;
}

}  // namespace

TEST_CASE("elu, sigmoid, tanh, exp, log: values by hand", "[elu][sigmoid][tanh][exp][golden]") {
  const double l2 = std::log(2.0), l3 = std::log(3.0);
  for (const DType dtype : {DType::f32, DType::f64}) {
    // e^-ln 2 - 1 = -1/2.
    CHECK(relative_error(elu(tensor({4}, {3, 0, -l2, -1000}, dtype), {.alpha = 0.5}),
                         tensor({4}, {3, 0, -0.25, -0.5}, DType::f64)) < 1e-6);
    CHECK(relative_error(sigmoid(tensor({3}, {0, l3, -l3}, dtype)),
                         tensor({3}, {0.5, 0.75, 0.25}, DType::f64)) < 1e-6);
    // (3 - 1/3) / (3 + 1/3) = 4/5.
    CHECK(relative_error(tanh(tensor({3}, {0, l3, -l3}, dtype)),
                         tensor({3}, {0, 0.8, -0.8}, DType::f64)) < 1e-6);
    CHECK(relative_error(exp(tensor({3}, {0, l3, -l2}, dtype)),
                         tensor({3}, {1, 3, 0.5}, DType::f64)) < 1e-6);
    CHECK(relative_error(log(tensor({3}, {1, 2, 1.0 / 3}, dtype)),
                         tensor({3}, {0, l2, -l3}, DType::f64)) < 1e-6);
  }
}

TEST_CASE("elu: PyTorch's values and gradients", "[elu][golden][grad]") {
  check_golden_gradients("elu", {"x"}, [](const GoldenCase& c, const Vars& in) {
    return ag::elu(in[0], {.alpha = c.attributes.at("alpha")});
  });
}

TEST_CASE("elu, sigmoid, tanh, exp, log: gradients by hand", "[elu][sigmoid][tanh][exp][grad]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor gy = tensor({2}, {8, -4}, dtype);
    const auto y = [&](double a, double b) { return tensor({2}, {a, b}, dtype); };
    CHECK(same_bits(elu_grad(gy, y(3, -0.25), {.alpha = 0.5}), y(8, -1)));
    CHECK(same_bits(sigmoid_grad(gy, y(0.5, 0.25)), y(2, -0.75)));
    CHECK(same_bits(tanh_grad(gy, y(0.5, -1)), y(6, -0.0)));
    CHECK(same_bits(exp_grad(gy, y(3, 0.5)), y(24, -2)));
    CHECK(same_bits(log_grad(gy, y(4, 0.5)), y(2, -8)));
  }
}

TEST_CASE("elu, sigmoid, tanh, exp, log: refuse what they cannot take, and say what",
          "[elu][sigmoid][tanh][exp][error]") {
  const Tensor bytes = Tensor::zeros({2}, DType::u8), two = Tensor::zeros({2}),
               three = Tensor::zeros({3});
  check_refused([&] { (void)elu(bytes); }, {"elu", "u8"});
  check_refused([&] { (void)elu(two, {.alpha = -1}); }, {"elu", "alpha -1"});
  check_refused([&] { (void)elu_grad(two, two, {.alpha = -1}); }, {"elu", "alpha -1"});
  check_refused([&] { (void)elu_grad(two, three); }, {"elu gradient", "[2]", "[3]"});
  check_refused([&] { (void)sigmoid(bytes); }, {"sigmoid", "u8"});
  check_refused([&] { (void)sigmoid_grad(two, three); }, {"sigmoid gradient", "[2]", "[3]"});
  check_refused([&] { (void)tanh(bytes); }, {"tanh", "u8"});
  check_refused([&] { (void)tanh_grad(two, three); }, {"tanh gradient", "[2]", "[3]"});
  check_refused([&] { (void)exp(bytes); }, {"exp", "u8"});
  check_refused([&] { (void)exp_grad(two, three); }, {"exp gradient", "[2]", "[3]"});
  check_refused([&] { (void)log(bytes); }, {"log", "u8"});
  check_refused([&] { (void)log_grad(two, three); }, {"log gradient", "[2]", "[3]"});
}

TEST_CASE("elu, sigmoid, tanh, exp, log: gradients against differences",
          "[elu][sigmoid][tanh][exp][grad]") {
  // Away from 0, where elu with alpha other than 1 has a kink.
  const Tensor x = tensor({2, 4}, {-3, -1, -0.125, 0.25, 0.5, 1, 2, 4}, DType::f64);
  check_gradients(elu_of, {x});
  check_gradients(sigmoid_of, {x});
  check_gradients(tanh_of, {x});
  check_gradients(exp_of, {x});
  check_gradients(log_of, {tensor({3}, {0.25, 1, 7}, DType::f64)});
}

TEST_CASE("elu: alpha shows in the recorded operation", "[elu][property]") {
  ag::Var x(Tensor::zeros({2}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(elu_of({x})).find("elu(%1; alpha 0.75)") != std::string::npos);
}

TEST_CASE("elu: every table agrees with the reference, also next to 0, within bounds",
          "[elu][isa][grad]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (Index n = 0; n <= 37; ++n) {
      CAPTURE(table->name, n);
      GuardedFloats x(n), y(n), expected(n), gx(n), gx_expected(n);
      x.randomize(11);
      const std::array<float, 6> special{-1e-7F, -1e-30F, -88.0F, -20.0F, -0.35F, 1e30F};
      for (Index i = 0; i < std::min<Index>(n, 6); ++i)
        x.data()[i] = special[static_cast<std::size_t>(i)];
      const EluArgs<float> args{.x = x.data(), .y = y.data(), .alpha = 0.75F};
      EluArgs<float> wanted = args;
      wanted.y = expected.data();
      table->elu(args, 0, n);
      reference::elu(wanted, 0, n);
      for (Index i = 0; i < n; ++i) {
        CAPTURE(x.data()[i], y.data()[i], expected.data()[i]);
        CHECK(std::abs(y.data()[i] - expected.data()[i]) <= 4e-7F * std::abs(expected.data()[i]));
      }
      EluGradArgs<float> grad{
          .gy = x.data(), .y = expected.data(), .gx = gx.data(), .alpha = 0.75F};
      table->elu_grad(grad, 0, n);
      grad.gx = gx_expected.data();
      reference::elu_grad(grad, 0, n);
      CHECK(same_bits(gx.copy(), gx_expected.copy()));
      CHECK(y.front_is_intact());
      CHECK(gx.front_is_intact());
    }
  }
}

TEST_CASE("sigmoid: every table agrees with the reference, within bounds", "[sigmoid][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (Index n = 0; n <= 37; ++n) {
      CAPTURE(table->name, n);
      GuardedFloats x(n), y(n), expected(n);
      x.randomize(12);
      const std::array<float, 8> special{0, -0.0F, 1e-30F, -88.0F, -87.2F, 30.0F, -1e30F, 1e30F};
      for (Index i = 0; i < std::min<Index>(n, 8); ++i)
        x.data()[i] = special[static_cast<std::size_t>(i)];
      table->sigmoid({.x = x.data(), .y = y.data()}, 0, n);
      reference::sigmoid<float>({.x = x.data(), .y = expected.data()}, 0, n);
      for (Index i = 0; i < n; ++i) {
        CAPTURE(x.data()[i], y.data()[i], expected.data()[i]);
        // Below e^-87.3 it is 0.
        CHECK(std::abs(y.data()[i] - expected.data()[i]) <=
              1.3e-38F + 6e-7F * std::abs(expected.data()[i]));
      }
      CHECK(y.front_is_intact());
    }
  }
}

TEST_CASE("elu, sigmoid, tanh: full precision from 1e-300 to 30",
          "[elu][sigmoid][tanh][property]") {
  CHECK(worst_error([](const Tensor& x) { return elu(x); },
                    [](long double x) { return x > 0 ? x : std::expm1(x); }) < 1e-15);
  CHECK(worst_error(sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }) < 1e-15);
  CHECK(worst_error(tanh, [](long double x) { return std::tanh(x); }) < 1e-15);
}

TEST_CASE("elu, sigmoid, tanh, exp, log: huge values, infinities and NaN",
          "[elu][sigmoid][tanh][exp][property]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({4}, {kInf, -kInf, 1e38, -1e38}, dtype);
    const auto four = [&](double a, double b, double c, double d) {
      return tensor({4}, {a, b, c, d}, dtype);
    };
    CHECK(same_bits(elu(x), four(kInf, -1, 1e38, -1)));
    CHECK(same_bits(sigmoid(x), four(1, 0, 1, 0)));
    CHECK(same_bits(tanh(x), four(1, -1, 1, -1)));
    CHECK(same_bits(exp(x), four(kInf, 0, kInf, 0)));
    CHECK(same_bits(log(tensor({2}, {0, kInf}, dtype)), tensor({2}, {-kInf, kInf}, dtype)));
    // Flat ends: the gradient is 0, not NaN.
    const Tensor one = four(1, 1, 1, 1);
    CHECK(same_bits(elu_grad(one, elu(x)), four(1, 0, 1, 0)));
    CHECK(same_bits(sigmoid_grad(one, sigmoid(x)), four(0, 0, 0, 0)));
    CHECK(same_bits(tanh_grad(one, tanh(x)), four(0, 0, 0, 0)));
    const Tensor nan = tensor({1}, {std::nan("")}, dtype);
    for (const Tensor& y :
         {elu(nan), sigmoid(nan), tanh(nan), exp(nan), log(nan), log(tensor({1}, {-1}, dtype))}) {
      CHECK(std::isnan(y.to(DType::f64).data<double>()[0]));
    }
  }
}

TEST_CASE("elu, sigmoid, tanh, exp, log: same bits for any number of threads",
          "[elu][sigmoid][tanh][exp][property]") {
  const Tensor x = random_tensor({3, 16001}, 2), positive = exp(x);
  const auto check = [](ag::Var (*f)(const Vars&), const Tensor& at) {
    check_same_bits_on_any_threads([&] { return f({ag::Var(at)}).value(); });
    check_same_bits_on_any_threads([&] { return all_gradients(f, {at}); });
  };
  check(elu_of, x);
  check(sigmoid_of, x);
  check(tanh_of, x);
  check(exp_of, x);
  check(log_of, positive);
}

}  // namespace rf::test
