#include "engine/ops/smooth_l1.hpp"

#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("smooth_l1: a parabola within beta, a line beyond, by hand", "[smooth_l1][golden]") {
  // d = 1, -1, 2, -5, 0 with beta 2: 1/4, 1/4, 2 - 1, 5 - 1, 0.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({5}, {4, 2, 12, -5, 7}, dtype),
                 target = tensor({5}, {3, 3, 10, 0, 7}, dtype);
    CHECK(same_bits(smooth_l1(x, target, {.beta = 2}), tensor({5}, {0.25, 0.25, 1, 4, 0}, dtype)));
    CHECK(same_bits(l1(x, target), tensor({5}, {1, 1, 2, 5, 0}, dtype)));
    const Tensor gy = tensor({5}, {1, 3, 2, 10, 5}, dtype);
    CHECK(same_bits(smooth_l1_grad(gy, x, target, {.beta = 2}),
                    tensor({5}, {0.5, -1.5, 2, -10, 0}, dtype)));
    CHECK(same_bits(l1_grad(gy, x, target), tensor({5}, {1, -3, 2, -10, 0}, dtype)));
  }
}

TEST_CASE("smooth_l1: PyTorch's values and gradients", "[smooth_l1][golden][grad]") {
  check_golden_gradients("smooth_l1/beta1", {"x", "t"},
                         [](const GoldenCase& c, const std::vector<ag::Var>& in) {
                           return ag::smooth_l1(in[0], in[1], {.beta = c.attributes.at("beta")});
                         });
}

TEST_CASE("smooth_l1: refuses shapes that differ and a beta that is not above 0",
          "[smooth_l1][error]") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({3, 2});
  check_refused([&] { (void)smooth_l1(a, b); }, {"smooth_l1", "[2, 3]", "[3, 2]"});
  check_refused([&] { (void)l1(a, b); }, {"l1", "[2, 3]", "[3, 2]"});
  check_refused([&] { (void)l1(a, a.to(DType::f64)); }, {"f32", "f64"});
  check_refused([&] { (void)l1(a.to(DType::u8), a.to(DType::u8)); }, {"u8"});
  for (const double beta : {0.0, -1.0, 1e-50, 1e50, std::nan("")}) {
    check_refused([&] { (void)smooth_l1(a, a, {.beta = beta}); }, {"beta", "above 0", "l1"});
  }
  check_refused([&] { (void)smooth_l1_grad(a, a, a, {.beta = 0}); }, {"beta"});
  check_refused([&] { (void)smooth_l1_grad(b, a, a); }, {"gradient", "[3, 2]", "[2, 3]"});
  check_refused([&] { (void)l1_grad(a, a, b); }, {"l1 gradient", "[3, 2]", "[2, 3]"});
}

TEST_CASE("smooth_l1: backward agrees with central differences", "[smooth_l1][grad]") {
  // |d| is 0.3, 0.8, 1.3, ..: never 0, 0.5, 1 or 2.5, where a slope or its slope jumps.
  Tensor x = Tensor::empty({3, 4}, DType::f64), target = random_tensor({3, 4}, 1, DType::f64);
  for (Index i = 0; i < 12; ++i) {
    const double d = 0.3 + 0.5 * static_cast<double>(i);
    x.data<double>()[i] = target.data<double>()[i] + (i % 2 ? -d : d);
  }
  for (const double beta : {0.5, 1.0, 2.5}) {
    CAPTURE(beta);
    check_gradients(
        [&](const std::vector<ag::Var>& in) { return ag::smooth_l1(in[0], in[1], {.beta = beta}); },
        {x, target});
  }
  check_gradients([](const std::vector<ag::Var>& in) { return ag::l1(in[0], in[1]); }, {x, target});
}

TEST_CASE("smooth_l1: a NaN shows in the value and in the gradient", "[smooth_l1][property]") {
  const Tensor x = tensor({2}, {std::numeric_limits<double>::quiet_NaN(), 1}),
               zero = Tensor::zeros({2}), one = tensor({2}, {1, 1});
  CHECK(std::isnan(smooth_l1(x, zero).data<float>()[0]));
  CHECK(std::isnan(smooth_l1_grad(one, x, zero).data<float>()[0]));
  CHECK(std::isnan(l1_grad(one, x, zero).data<float>()[0]));
  CHECK(l1_grad(one, x, zero).data<float>()[1] == 1);
  CHECK(smooth_l1(Tensor::zeros({0, 4}), Tensor::zeros({0, 4})).shape() == Shape{0, 4});
}

TEST_CASE("smooth_l1: same bits for any number of threads, forward and backward",
          "[smooth_l1][property]") {
  const Tensor x = random_tensor({20011, 4}, 2), target = random_tensor({20011, 4}, 3);
  check_same_bits_on_any_threads([&] { return smooth_l1(x, target, {.beta = 0.7}); });
  check_same_bits_on_any_threads([&] {
    return all_gradients(
        [](const std::vector<ag::Var>& in) { return ag::smooth_l1(in[0], in[1], {.beta = 0.7}); },
        {x, target});
  });
}

}  // namespace rf::test
