#include "engine/math.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace rf::test {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

// The distance of `got` from `exact` in units in the last place of double.
double ulps(double got, long double exact) {
  const double rounded = static_cast<double>(exact);
  const double unit = std::nextafter(std::abs(rounded), kInf) - std::abs(rounded);
  return static_cast<double>(std::abs(static_cast<long double>(got) - exact)) / unit;
}

}  // namespace

TEST_CASE("exp: within 2 units in the last place over the whole range", "[math]") {
  double worst = 0;
  for (int i = -70700; i <= 70900; ++i) {
    const double x = i / 100.0 + 1e-4;
    worst = std::fmax(worst, ulps(exp(x), std::exp(static_cast<long double>(x))));
  }
  for (int i = -1000; i <= 1000; ++i) {
    const double x = std::ldexp(i, -13);
    worst = std::fmax(worst, ulps(exp(x), std::exp(static_cast<long double>(x))));
  }
  CHECK(worst <= 2);
}

TEST_CASE("exp: special values", "[math]") {
  CHECK(exp(0.0) == 1);
  CHECK(exp(-0.0) == 1);
  CHECK(exp(kInf) == kInf);
  CHECK(exp(-kInf) == 0);
  CHECK(std::isnan(exp(kNan)));
  CHECK(exp(710.0) == kInf);
  CHECK(exp(1e300) == kInf);
  CHECK(std::isfinite(exp(709.78)));
  CHECK(exp(-746.0) == 0);
  CHECK(exp(-1e300) == 0);
  CHECK(exp(-745.0) > 0);  // the smallest denormal
}

TEST_CASE("exp in float: the double result, rounded", "[math]") {
  for (int i = -1030; i <= 885; ++i) {
    const float x = static_cast<float>(i) / 10;
    CHECK(exp(x) == static_cast<float>(std::exp(static_cast<long double>(x))));
  }
  CHECK(exp(89.0F) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(exp(std::numeric_limits<float>::quiet_NaN())));
  CHECK(exp(-std::numeric_limits<float>::infinity()) == 0);
}

TEST_CASE("expm1: within 3 units in the last place, however near to 0", "[math]") {
  double worst = 0;
  const auto try_at = [&](double x) {
    worst = std::fmax(worst, ulps(expm1(x), std::expm1(static_cast<long double>(x))));
  };
  for (int e = -1000; e <= 5; ++e) {
    for (const double m : {1.0, 1.1, 1.25, 1.38, 1.39, 1.6, 1.99}) {
      try_at(std::ldexp(m, e));
      try_at(-std::ldexp(m, e));
    }
  }
  for (int i = -4500; i <= 70900; ++i) try_at(i / 100.0 + 1e-4);
  CHECK(worst <= 3);
}

TEST_CASE("expm1: special values", "[math]") {
  CHECK(expm1(0.0) == 0);
  CHECK(std::signbit(expm1(-0.0)));
  CHECK(expm1(5e-324) == 5e-324);
  CHECK(expm1(kInf) == kInf);
  CHECK(expm1(710.0) == kInf);
  CHECK(expm1(-kInf) == -1);
  CHECK(expm1(-1e300) == -1);
  CHECK(std::isnan(expm1(kNan)));
  CHECK(expm1(1e-10F) == 1e-10F);
}

TEST_CASE("tanh: within 4 units in the last place, from denormals to where it is 1", "[math]") {
  double worst = 0;
  const auto try_at = [&](double x) {
    worst = std::fmax(worst, ulps(tanh(x), std::tanh(static_cast<long double>(x))));
  };
  for (int e = -1000; e <= 10; ++e) {
    for (const double m : {1.0, 1.1, 1.25, 1.38, 1.39, 1.6, 1.99}) try_at(std::ldexp(m, e));
  }
  for (int i = -2500; i <= 2500; ++i) try_at(i / 100.0 + 1e-4);
  CHECK(worst <= 4);
}

TEST_CASE("tanh: special values", "[math]") {
  CHECK(tanh(0.0) == 0);
  CHECK(std::signbit(tanh(-0.0)));
  CHECK(tanh(-5e-324) == -5e-324);
  CHECK(tanh(kInf) == 1);
  CHECK(tanh(-1e308) == -1);
  CHECK(std::isnan(tanh(kNan)));
  CHECK(tanh(-0.5F) == -tanh(0.5F));
  CHECK(tanh(1e-10F) == 1e-10F);
}

TEST_CASE("log: within 2 units in the last place, near 1 and for denormals too", "[math]") {
  double worst = 0;
  const auto try_at = [&](double x) {
    worst = std::fmax(worst, ulps(log(x), std::log(static_cast<long double>(x))));
  };
  for (int e = -1074; e < 1024; ++e) {
    for (const double m : {1.0, 1.1, 1.25, 1.414, 1.4143, 1.6, 1.99}) try_at(std::ldexp(m, e));
  }
  for (int i = 1; i <= 2000; ++i) try_at(1 + i / 4096.0), try_at(1 - i / 4096.0);
  CHECK(worst <= 2);
  CHECK(log(1.0) == 0);
}

TEST_CASE("log: special values", "[math]") {
  CHECK(log(0.0) == -kInf);
  CHECK(log(-0.0) == -kInf);
  CHECK(log(kInf) == kInf);
  CHECK(std::isnan(log(-1.0)));
  CHECK(std::isnan(log(-kInf)));
  CHECK(std::isnan(log(kNan)));
  CHECK(std::abs(log(10.0F) - std::log(10.0F)) < 3e-7F);
}

TEST_CASE("exp and log undo each other", "[math]") {
  for (int i = -600; i <= 600; ++i) {
    const double x = i / 7.0;
    CHECK(std::abs(log(exp(x)) - x) < 1e-13 * std::fmax(1.0, std::abs(x)));
  }
}

TEST_CASE("cos_turns: within 1e-14 over a whole turn, exact where it is 1", "[math]") {
  double worst = 0;
  for (int i = -5000; i <= 5000; ++i) {
    const double t = i / 10000.0;
    const long double exact =
        std::cos(2 * std::numbers::pi_v<long double> * static_cast<long double>(t));
    worst = std::fmax(
        worst, static_cast<double>(std::abs(static_cast<long double>(cos_turns(t)) - exact)));
  }
  CHECK(worst < 1e-14);
  CHECK(cos_turns(0) == 1);
}

}  // namespace rf::test
