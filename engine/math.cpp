#include "engine/math.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace rf {

namespace {

// ln 2 in two parts; the first has so few bits that its product with any exponent is exact.
constexpr double kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;

// x = k ln 2 + r with k = round(x / ln 2), |r| <= ln 2 / 2.
struct Reduced {
  double k, r;

  explicit Reduced(double x)
      : k(std::nearbyint(x * std::numbers::log2e)), r((x - k * kLn2High) - k * kLn2Low) {}
};

}  // namespace

// e^x = 2^k e^r; Taylor of e^r to r^13 (next term below 5e-18).
double exp(double x) noexcept {
  if (!(x < 709.9))
    return x >= 709.9 ? std::numeric_limits<double>::infinity() : x;  // the second: NaN
  if (x < -745.2) return 0;
  const Reduced reduced(x);
  double sum = 1;
  for (int i = 13; i >= 1; --i) sum = 1 + sum * reduced.r / i;
  return std::ldexp(sum, static_cast<int>(reduced.k));
}

float exp(float x) noexcept { return static_cast<float>(exp(static_cast<double>(x))); }

// e^x - 1 = 2^k (e^r - 1) + (2^k - 1), where e^r - 1 = r (1 + r / 2 (1 + r / 3 (...))) takes no
// difference of near numbers. For k = 0 that is the result; for other k its magnitude is above
// 0.29, so that the sum of the two terms loses little.
double expm1(double x) noexcept {
  if (!(x < 40)) return exp(x);  // 1 is less than half a unit of it; or NaN
  if (x < -40) return -1;
  const Reduced reduced(x);
  double sum = 1;
  for (int i = 14; i >= 2; --i) sum = 1 + sum * reduced.r / i;
  if (reduced.k == 0) return sum * x;  // r = x, but for the sign of a zero
  const double power = std::ldexp(1.0, static_cast<int>(reduced.k));
  return power * (sum * reduced.r) + (power - 1);
}

float expm1(float x) noexcept { return static_cast<float>(expm1(static_cast<double>(x))); }

// ln x = k ln 2 + ln m with m in [sqrt(1/2), sqrt(2)). With f = m - 1 (exact) and s = f / (m + 1),
// |s| < 0.172: ln m = 2 artanh(s) = 2 s + s series, series = 2 s^2 / 3 + 2 s^4 / 5 + ...; and
// 2 s = f - s f, so that ln m is f less a small correction and the rounding of s hardly matters.
double log(double x) noexcept {
  if (!(x > 0)) {
    return x == 0 ? -std::numeric_limits<double>::infinity()
                  : std::numeric_limits<double>::quiet_NaN();
  }
  if (std::isinf(x)) return x;
  int k = 0;
  double m = std::frexp(x, &k);
  if (m < std::numbers::sqrt2 / 2) {
    m *= 2;
    --k;
  }
  const double f = m - 1, s = f / (m + 1), s2 = s * s;
  double series = 0;
  for (int i = 23; i >= 3; i -= 2) series = (series + 2.0 / i) * s2;
  return k * kLn2High + (f - (s * (f - series) - k * kLn2Low));
}

float log(float x) noexcept { return static_cast<float>(log(static_cast<double>(x))); }

// tanh |x| = -e / (2 + e) with e = e^(-2 |x|) - 1 in (-1, 0]: nothing overflows, nothing cancels.
double tanh(double x) noexcept {
  const double e = expm1(-2 * std::abs(x));
  return std::copysign(e / (2 + e), x);
}

float tanh(float x) noexcept { return static_cast<float>(tanh(static_cast<double>(x))); }

// Taylor of cos to x^30, |x| <= pi (next term below 1e-19).
double cos_turns(double t) noexcept {
  const double x = 2 * std::numbers::pi * t, x2 = x * x;
  double sum = 1;
  for (int i = 30; i >= 2; i -= 2) sum = 1 - sum * x2 / (i * (i - 1));
  return sum;
}

}  // namespace rf
