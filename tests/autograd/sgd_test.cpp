#include "autograd/sgd.hpp"

#include <cmath>

#include "tests/autograd/parameters.hpp"

namespace rf::test {

TEST_CASE("sgd: two steps with momentum and decay by hand", "[sgd][golden]") {
  // v = g + w / 4 = 1 + 0.5, w = 2 - 0.5 * 1.5 = 1.25; then v = 1.5 / 2 + (-1 + 1.25 / 4) = 0.0625,
  // w = 1.25 - 0.25 * 0.0625 with half the learning rate. All exact in binary.
  for (const DType dtype : {DType::f32, DType::f64}) {
    ag::Parameter w = parameter("w", tensor({1}, {2}, dtype));
    ag::Sgd sgd({{.parameters = {w}, .weight_decay = 0.25}}, {.momentum = 0.5});
    w.var.set_grad(tensor({1}, {1}, dtype));
    sgd.step(0.5);
    CHECK(first(w.var.value()) == 1.25);
    CHECK(first(sgd.state().at("velocity/w")) == 1.5);
    w.var.set_grad(tensor({1}, {-1}, dtype));
    sgd.step(0.25);
    CHECK(first(w.var.value()) == 1.234375);
    CHECK(first(sgd.state().at("velocity/w")) == 0.0625);
    CHECK(*sgd.state().at("steps/w").data<std::int64_t>() == 2);
  }
}

TEST_CASE("sgd: on a parabola momentum follows the closed form", "[sgd]") {
  // f = w^2 / 2 has the gradient w, so w[k+1] = (1 + m - r) w[k] - m w[k-1]. With m = 0.4 and r =
  // 0.1 the roots of z^2 = 1.3 z - 0.4 are 0.8 and 0.5; w[0] = 1, w[1] = 0.9 give
  // w[k] = (4 0.8^k - 0.5^k) / 3.
  ag::Parameter w = parameter("w", f64({1}));
  ag::Sgd sgd({{.parameters = {w}}}, {.momentum = 0.4});
  for (int k = 1; k <= 30; ++k) {
    w.var.set_grad(w.var.value());
    sgd.step(0.1);
    const double expected = (4 * std::pow(0.8, k) - std::pow(0.5, k)) / 3;
    CHECK(std::abs(first(w.var.value()) - expected) < 1e-14);
  }
}

TEST_CASE("sgd: without momentum a step is the learning rate times the gradient", "[sgd]") {
  ag::Parameter w = parameter("w", f64({1, 2, 3}));
  ag::Sgd sgd({{.parameters = {w}}}, {.momentum = 0});
  for (int k = 0; k < 2; ++k) {
    w.var.set_grad(f64({4, -2, 0}));
    sgd.step(0.125);
  }
  CHECK(same_bits(w.var.value(), f64({0, 2.5, 3})));
}

TEST_CASE("sgd: a long vector moves element by element", "[sgd]") {
  constexpr Index kCount = 40001;  // several chunks and a rest
  ag::Parameter w = parameter("w", random_tensor({kCount}, 1));
  const Tensor before = w.var.value(), gradient = random_tensor({kCount}, 2);
  w.var.set_grad(gradient);
  ag::Sgd sgd({{.parameters = {w}}});
  sgd.step(0.5);
  Index wrong = 0;
  for (Index i = 0; i < kCount; ++i) {
    wrong += w.var.value().data<float>()[i] !=
             before.data<float>()[i] - 0.5F * gradient.data<float>()[i];
  }
  CHECK(wrong == 0);
}

}  // namespace rf::test
