// The gradient check must see the mistakes that people make.
#include "autograd/gradcheck.hpp"

#include <functional>

#include "tests/autograd/test_ops.hpp"

namespace rf::test {

using ag::Var;

namespace {

// y = x^2, with a gradient that the test chooses.
struct SquareNode final : ag::Node {
  std::function<void(SquareNode&, const Tensor&)> rule;
  explicit SquareNode(std::function<void(SquareNode&, const Tensor&)> r) : rule(std::move(r)) {}
  const char* name() const override { return "square"; }
  void backward(const Tensor& gy) override { rule(*this, gy); }
};

Tensor derivative(const Tensor& x, const Tensor& gy, double factor = 2) {
  Tensor gx = Tensor::empty(x.shape(), DType::f64);
  for (Index i = 0; i < x.numel(); ++i) {
    gx.data<double>()[i] = factor * x.data<double>()[i] * gy.data<double>()[i];
  }
  return gx;
}

ag::GradcheckReport check(std::function<void(SquareNode&, const Tensor&)> rule) {
  return ag::gradcheck(
      [&](const std::vector<Var>& in) {
        Tensor y = Tensor::empty(in[1].shape(), DType::f64);
        for (Index i = 0; i < y.numel(); ++i) {
          const double x = in[1].value().data<double>()[i];
          y.data<double>()[i] = x * x;
        }
        return ag::record<SquareNode>(y, {in[1]}, rule);
      },
      {Tensor::zeros({3}, DType::i64), tensor({2, 2}, {0.5, -3, 2, 100}, DType::f64)});
}

}  // namespace

TEST_CASE("gradcheck: passes a right gradient", "[gradcheck]") {
  const auto report = check([](SquareNode& node, const Tensor& gy) {
    node.input(0).accumulate(derivative(node.input(0).value(), gy));
  });
  CHECK(report.passed);
  CHECK(report.worst < 1e-8);
  CHECK_THAT(report.text, Catch::Contains("passed"));
}

TEST_CASE("gradcheck: a gradient 0.3 percent off is named with input, index and both values",
          "[gradcheck]") {
  const auto report = check([](SquareNode& node, const Tensor& gy) {
    node.input(0).accumulate(derivative(node.input(0).value(), gy, 2.006));
  });
  CHECK_FALSE(report.passed);
  CHECK(report.worst > 1e-3);
  CHECK_THAT(report.text, Catch::Contains("input 1, index 3: analytic ") &&
                              Catch::Contains("central difference "));
}

TEST_CASE("gradcheck: a gradient that is set instead of added is seen", "[gradcheck]") {
  const auto report = check([](SquareNode& node, const Tensor& gy) {
    Var x = node.input(0);
    x.set_grad(derivative(x.value(), gy));
  });
  CHECK_FALSE(report.passed);
}

TEST_CASE("gradcheck: an element that nobody assigns is seen", "[gradcheck]") {
  const auto report = check([](SquareNode& node, const Tensor& gy) {
    Tensor gx = Tensor::empty(gy.shape(), DType::f64);
    const Tensor whole = derivative(node.input(0).value(), gy);
    for (Index i = 0; i + 1 < gx.numel(); ++i) gx.data<double>()[i] = whole.data<double>()[i];
    node.input(0).accumulate(gx);
  });
  CHECK_FALSE(report.passed);
  CHECK_THAT(report.text,
             Catch::Contains("index 3: analytic nan") || Catch::Contains("index 3: analytic -nan"));
}

TEST_CASE("gradcheck: a gradient with rows and columns exchanged is seen", "[gradcheck]") {
  const auto report = check([](SquareNode& node, const Tensor& gy) {
    Tensor gx = derivative(node.input(0).value(), gy);
    std::swap(gx.data<double>()[1], gx.data<double>()[2]);
    node.input(0).accumulate(gx);
  });
  CHECK_FALSE(report.passed);
}

TEST_CASE("gradcheck: new tensors are clean again afterwards", "[gradcheck]") {
  (void)check([](SquareNode&, const Tensor&) {});
  CHECK(Tensor::zeros({4}).data<float>()[0] == 0);
  Tensor t = Tensor::empty({64});
  for (float& v : t.span<float>()) v = 1;
  CHECK(t.data<float>()[63] == 1);
}

TEST_CASE("gradcheck: refuses what it cannot check", "[gradcheck][error]") {
  const auto identity = [](const std::vector<Var>& in) { return in[0]; };
  const auto constant = [](const std::vector<Var>& in) { return in[0].detach(); };
  check_refused<UsageError>([&] { (void)ag::gradcheck(identity, {Tensor::zeros({2})}); },
                            {"f64", "f32"});
  check_refused<UsageError>(
      [&] { (void)ag::gradcheck(identity, {Tensor::zeros({2}, DType::i64)}); },
      {"no input is f64"});
  check_refused<UsageError>(
      [&] { (void)ag::gradcheck(constant, {Tensor::zeros({2}, DType::f64)}); },
      {"wants no gradient"});
}

}  // namespace rf::test
