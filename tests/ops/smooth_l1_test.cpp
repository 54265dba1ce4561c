#include "engine/ops/smooth_l1.hpp"

#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
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

TEST_CASE("smooth_l1: a target that wants no gradient gets none", "[smooth_l1][grad]") {
  for (const bool rounded : {true, false}) {
    ag::Var x(tensor({2}, {3, 1}));
    const ag::Var target(tensor({2}, {1, 1}));
    x.set_requires_grad(true);
    (rounded ? ag::smooth_l1(x, target) : ag::l1(x, target)).backward(tensor({2}, {5, 7}));
    CHECK(same_bits(x.grad(), tensor({2}, {5, 0})));
    CHECK(target.grad().numel() == 0);
  }
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

TEST_CASE("smooth_l1: every table has the bits of the reference, within bounds",
          "[smooth_l1][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (Index n = 0; n <= 37; ++n) {
      for (const float beta : {0.0F, 0.3F, 1.0F, 1e30F}) {
        CAPTURE(table->name, n, beta);
        GuardedFloats x(n), target(n), gy(n), y(n), gx(n), expected(n);
        x.randomize(1), target.randomize(2), gy.randomize(3);
        // Where the parabola meets the line, both sides of it; and no distance at all.
        const Index edges = n > 3 ? 3 : 0;
        for (Index i = 0; i < edges; ++i) target.data()[i] = 0;
        if (edges > 0) x.data()[0] = beta, x.data()[1] = -beta, x.data()[2] = -0.0F;
        SmoothL1Args<float> args{
            .x = x.data(), .target = target.data(), .y = y.data(), .beta = beta};
        table->smooth_l1(args, 0, n);
        args.y = expected.data();
        reference::smooth_l1(args, 0, n);
        CHECK(same_bits(y.copy(), expected.copy()));
        CHECK(y.front_is_intact());
        SmoothL1GradArgs<float> grad{
            .gy = gy.data(), .x = x.data(), .target = target.data(), .gx = gx.data(), .beta = beta};
        table->smooth_l1_grad(grad, 0, n);
        grad.gx = expected.data();
        reference::smooth_l1_grad(grad, 0, n);
        CHECK(same_bits(gx.copy(), expected.copy()));
        CHECK(gx.front_is_intact());
      }
    }
  }
}

TEST_CASE("smooth_l1: a call writes its range alone, wherever it starts", "[smooth_l1][isa]") {
  constexpr Index kCount = 45;
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const auto& [begin, end] : {std::pair<Index, Index>{1, 44}, {3, 20}, {7, 8}, {9, 9}}) {
      CAPTURE(table->name, begin, end);
      GuardedFloats x(kCount), target(kCount), gy(kCount), y(kCount), gx(kCount), whole(kCount),
          whole_grad(kCount);
      x.randomize(4), target.randomize(5), gy.randomize(6);
      SmoothL1Args<float> args{.x = x.data(), .target = target.data(), .y = y.data(), .beta = 1};
      SmoothL1GradArgs<float> grad{
          .gy = gy.data(), .x = x.data(), .target = target.data(), .gx = gx.data(), .beta = 1};
      table->smooth_l1(args, begin, end);
      table->smooth_l1_grad(grad, begin, end);
      args.y = whole.data(), grad.gx = whole_grad.data();
      reference::smooth_l1(args, 0, kCount);
      reference::smooth_l1_grad(grad, 0, kCount);
      for (Index i = 0; i < kCount; ++i) {
        const bool inside = i >= begin && i < end;
        CHECK((inside ? y.data()[i] == whole.data()[i] : y.data()[i] < -1000));
        CHECK((inside ? gx.data()[i] == whole_grad.data()[i] : gx.data()[i] < -1000));
      }
    }
  }
}

TEST_CASE("smooth_l1: infinities and NaNs are those of the equation on every table",
          "[smooth_l1][isa]") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Tensor x = tensor({5}, {inf, -inf, inf, nan, 2}), target = tensor({5}, {0, 3, inf, 1, nan});
  const Tensor gy = tensor({5}, {2, 3, 1, 1, 1});
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    for (const bool rounded : {true, false}) {
      const Tensor y = rounded ? smooth_l1(x, target) : l1(x, target);
      const Tensor gx = rounded ? smooth_l1_grad(gy, x, target) : l1_grad(gy, x, target);
      for (const Index i : {0, 1}) CHECK(static_cast<double>(y.data<float>()[i]) == inf);
      CHECK(gx.data<float>()[0] == 2);
      CHECK(gx.data<float>()[1] == -3);
      for (const Index i : {2, 3, 4}) {
        CHECK(std::isnan(y.data<float>()[i]));
        CHECK(std::isnan(gx.data<float>()[i]));
      }
    }
  }
}

}  // namespace rf::test
