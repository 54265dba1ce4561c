// The learning rate as a function of the epoch, which is a fraction within an epoch: 2.5 is half
// way through the third. (Or of the step, if all numbers are meant in steps.) Values to copy; any
// of them fits in a std::function<double(double)>.
#pragma once

#include <vector>

namespace rf::ag {

struct ConstantSchedule {
  double rate;
  double operator()(double) const { return rate; }
};

// A straight line from `start` to `peak` over the warm-up, then `peak`, divided by `divisor` from
// each of `drops` on. The defaults are RetinaFace's (section 4.2), of 80 epochs.
struct StepScheduleOptions {
  double start = 1e-3, peak = 1e-2;
  double warm_up = 5;
  std::vector<double> drops = {55, 68};  // ascending, not before the end of the warm-up
  double divisor = 10;
};

class StepSchedule {
 public:
  // Throws UsageError: a negative or infinite number, a divisor that is not above 0, drops out of
  // order.
  explicit StepSchedule(StepScheduleOptions options = {});
  double operator()(double epoch) const;

 private:
  StepScheduleOptions options_;
};

// A straight line from `start` to `peak` over the warm-up, then half a cosine from `peak` to `end`,
// reached at `total` and kept (Loshchilov and Hutter, SGDR, 2017, equation (5), without restarts):
//   rate = end + (peak - end) (1 + cos(pi (epoch - warm_up) / (total - warm_up))) / 2.
struct CosineScheduleOptions {
  double start = 1e-3, peak = 1e-2, end = 0;
  double warm_up = 5, total = 80;
};

class CosineSchedule {
 public:
  // Throws UsageError: a negative or infinite number, a total that is not above 0 or lies before
  // the end of the warm-up.
  explicit CosineSchedule(const CosineScheduleOptions& options = {});
  double operator()(double epoch) const;

 private:
  CosineScheduleOptions options_;
};

// rate = start factor^(epoch / period), falling all the time; for one that stays the same within an
// epoch, ask with floor(epoch). Mesh autoencoders are trained so (Ranjan et al., CoMA, 2018: 8e-3,
// times 0.99 every epoch).
struct ExponentialScheduleOptions {
  double start = 8e-3, factor = 0.99, period = 1;
};

class ExponentialSchedule {
 public:
  // Throws UsageError: a start that is negative or infinite, a factor outside (0, 1], a period that
  // is not above 0.
  explicit ExponentialSchedule(const ExponentialScheduleOptions& options = {});
  double operator()(double epoch) const;

 private:
  ExponentialScheduleOptions options_;
};

}  // namespace rf::ag
