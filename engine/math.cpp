#include "engine/math.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace rf {

// e^x = 2^k e^r with k = round(x / ln 2), |r| <= ln 2 / 2; Taylor of e^r to r^13 (next term below
// 5e-18).
double exp(double x) noexcept {
  if (!(x < 709.9))
    return x >= 709.9 ? std::numeric_limits<double>::infinity() : x;  // the second: NaN
  if (x < -745.2) return 0;
  constexpr double kLn2High = 0x1.62e42fee00000p-1,
                   kLn2Low = 0x1.a39ef35793c76p-33;  // ln 2 in two parts
  const double k = std::nearbyint(x * std::numbers::log2e);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1;
  for (int i = 13; i >= 1; --i) sum = 1 + sum * r / i;
  return std::ldexp(sum, static_cast<int>(k));
}

float exp(float x) noexcept { return static_cast<float>(exp(static_cast<double>(x))); }

// ln x = k ln 2 + ln m with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s = (m - 1) / (m + 1),
// |s| < 0.172.
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
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double sum = 0;
  for (int i = 23; i >= 1; i -= 2) sum = sum * s2 + 1.0 / i;
  return k * std::numbers::ln2 + 2 * s * sum;
}

float log(float x) noexcept { return static_cast<float>(log(static_cast<double>(x))); }

// Taylor of cos to x^30, |x| <= pi (next term below 1e-19).
double cos_turns(double t) noexcept {
  const double x = 2 * std::numbers::pi * t, x2 = x * x;
  double sum = 1;
  for (int i = 30; i >= 2; i -= 2) sum = 1 - sum * x2 / (i * (i - 1));
  return sum;
}

}  // namespace rf
