#include "autograd/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/check.hpp"
#include "engine/math.hpp"

namespace rf::ag {

namespace {

void check(bool condition, const char* name, double value, const char* needed) {
  if (!condition) throw UsageError(message("schedule: ", name, " ", value, " must be ", needed));
}

void check_not_negative(const char* name, double value) {
  check(value >= 0 && std::isfinite(value), name, value, "0 or more, and finite");
}

void check_positive(const char* name, double value) {
  check(value > 0 && std::isfinite(value), name, value, "above 0, and finite");
}

// The line that a schedule begins with; before 0 its start.
template <class Options>
double warm_up_rate(const Options& o, double epoch) {
  return o.start + (o.peak - o.start) * std::max(epoch, 0.0) / o.warm_up;
}

}  // namespace

StepSchedule::StepSchedule(StepScheduleOptions options) : options_(std::move(options)) {
  check_not_negative("start", options_.start);
  check_not_negative("peak", options_.peak);
  check_not_negative("warm_up", options_.warm_up);
  check_positive("divisor", options_.divisor);
  double before = options_.warm_up;
  for (const double drop : options_.drops) {
    check(drop >= before && std::isfinite(drop), "drop", drop,
          "after the warm-up, and the drops in ascending order");
    before = drop;
  }
}

double StepSchedule::operator()(double epoch) const {
  const StepScheduleOptions& o = options_;
  if (epoch < o.warm_up) return warm_up_rate(o, epoch);
  double rate = o.peak;
  for (const double drop : o.drops) {
    if (epoch >= drop) rate /= o.divisor;
  }
  return rate;
}

CosineSchedule::CosineSchedule(const CosineScheduleOptions& options) : options_(options) {
  check_not_negative("start", options.start);
  check_not_negative("peak", options.peak);
  check_not_negative("end", options.end);
  check_not_negative("warm_up", options.warm_up);
  check_positive("total", options.total);
  check(options.total >= options.warm_up, "total", options.total,
        "not before the end of the warm-up");
}

double CosineSchedule::operator()(double epoch) const {
  const CosineScheduleOptions& o = options_;
  if (epoch < o.warm_up) return warm_up_rate(o, epoch);
  if (epoch >= o.total) return o.end;
  const double done = (epoch - o.warm_up) / (o.total - o.warm_up);
  return o.end + (o.peak - o.end) * (1 + rf::cos_turns(done / 2)) / 2;
}

ExponentialSchedule::ExponentialSchedule(const ExponentialScheduleOptions& options)
    : options_(options) {
  check_not_negative("start", options.start);
  check(options.factor > 0 && options.factor <= 1, "factor", options.factor, "in (0, 1]");
  check_positive("period", options.period);
}

double ExponentialSchedule::operator()(double epoch) const {
  return options_.start * rf::exp(epoch / options_.period * rf::log(options_.factor));
}

}  // namespace rf::ag
