#include "autograd/adam.hpp"

#include <cmath>

#include "tests/autograd/parameters.hpp"

namespace rf::test {

TEST_CASE(
    "adam: the first step is the learning rate against the sign, whatever the gradient's size",
    "[adam][golden]") {
  for (const double size : {1e-3, 1.0, 1e4}) {
    CAPTURE(size);
    ag::Parameter w = parameter("w", f64({1, 1, 1}));
    ag::Adam adam({{.parameters = {w}}});
    w.var.set_grad(f64({size, -size, 0}));
    adam.step(0.25);
    // r g / (|g| + eps): eps takes off r eps / |g| at most.
    const double slack = 0.25 * 1e-8 / size + 1e-15;
    CHECK(std::abs(w.var.value().data<double>()[0] - 0.75) <= slack);
    CHECK(std::abs(w.var.value().data<double>()[1] - 1.25) <= slack);
    CHECK(w.var.value().data<double>()[2] == 1);
  }
}

TEST_CASE("adam: two steps by hand", "[adam][golden]") {
  // beta1 = 1/2, beta2 = 3/4, gradients 2 and 4:
  //   m = 1, v = 1, mh = 2, vh = 4: a step of r;  m = 2.5, v = 4.75, mh = 10/3, vh = 76/7.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-6;
    ag::Parameter w = parameter("w", tensor({1}, {1}, dtype));
    ag::Adam adam({{.parameters = {w}}}, {.beta1 = 0.5, .beta2 = 0.75, .eps = 1e-15});
    w.var.set_grad(tensor({1}, {2}, dtype));
    adam.step(0.25);
    CHECK(std::abs(first(w.var.value()) - 0.75) < tolerance);
    w.var.set_grad(tensor({1}, {4}, dtype));
    adam.step(0.25);
    const double expected = 0.75 - 0.25 * (10.0 / 3) / std::sqrt(76.0 / 7);
    CHECK(std::abs(first(w.var.value()) - expected) < tolerance);
    CHECK(first(adam.state().at("mean/w")) == 2.5);
    CHECK(first(adam.state().at("square/w")) == 4.75);
    CHECK(*adam.state().at("steps/w").data<std::int64_t>() == 2);
  }
}

TEST_CASE("adam: eps is added to the root, after the bias correction", "[adam][golden]") {
  // g = 3, eps = 1: the first step is r 3 / (3 + 1).
  ag::Parameter w = parameter("w", f64({0}));
  ag::Adam adam({{.parameters = {w}}}, {.eps = 1});
  w.var.set_grad(f64({3}));
  adam.step(1);
  CHECK(std::abs(first(w.var.value()) + 0.75) < 1e-12);
}

TEST_CASE("adam: a constant gradient moves by the learning rate in every step", "[adam]") {
  // With bias correction mh = g and vh = g^2 at every step.
  ag::Parameter w = parameter("w", f64({1, 1}));
  ag::Adam adam({{.parameters = {w}}}, {.eps = 1e-30});
  for (int k = 1; k <= 200; ++k) {
    w.var.set_grad(f64({0.3, -7}));
    adam.step(0.01);
    CHECK(std::abs(w.var.value().data<double>()[0] - (1 - 0.01 * k)) < 1e-11);
    CHECK(std::abs(w.var.value().data<double>()[1] - (1 + 0.01 * k)) < 1e-11);
  }
}

TEST_CASE("adam: weight decay is part of the gradient", "[adam]") {
  // A weight of 4 with decay 1/2 and gradient -1 sees the gradient 1, one with -3 the gradient -1.
  ag::Parameter decayed = parameter("decayed", f64({4})), plain = parameter("plain", f64({4}));
  ag::Adam adam({{.parameters = {decayed}, .weight_decay = 0.5}, {.parameters = {plain}}});
  decayed.var.set_grad(f64({-1}));
  plain.var.set_grad(f64({1}));
  adam.step(0.125);
  CHECK(same_bits(decayed.var.value(), plain.var.value()));
}

TEST_CASE("adam: a parameter that joins late starts its own count", "[adam]") {
  ag::Parameter early = parameter("early", f64({1})), late = parameter("late", f64({1}));
  ag::Adam adam({{.parameters = {early, late}}});
  for (int k = 0; k < 20; ++k) {
    early.var.set_grad(f64({0.5}));
    adam.step(0.01);
  }
  late.var.set_grad(f64({0.5}));
  adam.step(0.01);
  CHECK(std::abs(first(late.var.value()) - 0.99) < 1e-8);
  CHECK(*adam.state().at("steps/early").data<std::int64_t>() == 21);
  CHECK(*adam.state().at("steps/late").data<std::int64_t>() == 1);
}

}  // namespace rf::test
