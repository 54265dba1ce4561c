#include "retinaface/training/chart_axis.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/check.hpp"
#include "engine/math.hpp"
#include "retinaface/markup.hpp"

namespace rf {

namespace {

constexpr double kLargest = 1e30;

// Exact up to 10^22, and the double next to it for its inverse.
double power_of_ten(int exponent) {
  double power = 1;
  for (int i = 0; i < std::abs(exponent); ++i) power *= 10;
  return exponent < 0 ? 1 / power : power;
}

// The largest power of ten that is not above `value`, as its exponent.
int exponent_of(double value) {
  int exponent = 0;
  while (power_of_ten(exponent) > value) --exponent;
  while (power_of_ten(exponent + 1) <= value) ++exponent;
  return exponent;
}

// digit * 10^exponent
std::string tick_text(double digit, int exponent) {
  const double value = digit * power_of_ten(exponent);
  if (digit == 0) return "0";
  if (exponent < -4 || std::abs(value) >= 1e6) {
    // The digit may itself have zeros: 20 * 10^-6.
    const int shift = exponent_of(std::abs(digit));
    return decimal_number(digit / power_of_ten(shift), 6) + "e" + std::to_string(exponent + shift);
  }
  if (exponent >= 0) return grouped_number(static_cast<Index>(std::round(value)));
  return decimal_number(value, -exponent);
}

}  // namespace

bool chartable(double value) { return std::abs(value) <= kLargest; }

double Axis::position(double value) const {
  value = std::clamp(value, low, high);
  if (!logarithmic) return (value - low) / (high - low);
  return rf::log(value / low) / rf::log(high / low);
}

Axis linear_axis(double low, double high, int steps) {
  RF_ASSERT(chartable(low) && chartable(high) && low <= high && steps >= 1);
  // Below this a range is rounding, not extent.
  const double least = std::max({std::abs(low), std::abs(high), 1e-20}) * 1e-9;
  if (high - low < least) {
    const double pad = low == 0 && high == 0 ? 1 : std::max(std::abs(low), std::abs(high)) / 10;
    low -= pad;
    high += pad;
  }
  Axis axis{low, high, false, {}};
  const double wanted = (high - low) / steps;
  int exponent = exponent_of(wanted);
  double digit = wanted / power_of_ten(exponent);
  digit = digit <= 1.001 ? 1 : digit <= 2.001 ? 2 : digit <= 5.001 ? 5 : 10;
  if (digit == 10) {
    digit = 1;
    ++exponent;
  }
  const double step = digit * power_of_ten(exponent);
  constexpr double kRounding = 1e-6;  // of a step
  for (double i = std::ceil(low / step - kRounding); i <= high / step + kRounding; ++i)
    axis.ticks.push_back({i * step, tick_text(i * digit, exponent)});
  return axis;
}

Axis logarithmic_axis(double low, double high) {
  RF_ASSERT(chartable(high) && low >= 1 / kLargest && high >= 8 * low);
  Axis axis{low, high, true, {}};
  const int first = exponent_of(low), last = exponent_of(high);
  const bool dense = high <= 100 * low;  // two decades: seven ticks
  const int stride = dense ? 1 : 1 + (last - first) / 6;
  for (int exponent = first; exponent <= last; exponent += stride) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double value = digit * power_of_ten(exponent);
      if (value < low || value > high || (!dense && digit != 1)) continue;
      axis.ticks.push_back({value, tick_text(digit, exponent)});
    }
  }
  return axis;
}

}  // namespace rf
