// The scale of one axis of a chart, with ticks at round numbers.
#pragma once

#include <string>
#include <vector>

namespace rf {

// What a chart can show: finite, and small enough that ranges do not overflow.
[[nodiscard]] bool chartable(double value);

struct Tick {
  double value;
  std::string text;
};

struct Axis {
  double low, high;  // low < high; both above 0 when logarithmic
  bool logarithmic;
  std::vector<Tick> ticks;  // within [low, high], rising

  // 0 at low, 1 at high; values outside are moved to the nearer end.
  [[nodiscard]] double position(double value) const;
};

// Both require chartable low <= high. The linear one widens a range without extent; its ticks are
// multiples of 1, 2 or 5 times a power of ten, at most `steps` of which fit into the range. The
// logarithmic one requires low >= 1e-30 and high >= 8 * low, so that two ticks fit at least.
[[nodiscard]] Axis linear_axis(double low, double high, int steps);
[[nodiscard]] Axis logarithmic_axis(double low, double high);

}  // namespace rf
