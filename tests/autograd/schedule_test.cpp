#include "autograd/schedule.hpp"

#include <cmath>
#include <functional>
#include <limits>

#include "tests/autograd/parameters.hpp"

namespace rf::test {

TEST_CASE("schedule: the paper's rises from 1e-3 to 1e-2 over 5 epochs, a tenth from 55 and 68 on",
          "[schedule]") {
  const ag::StepSchedule rate;
  const auto close = [](double a, double b) { return std::abs(a - b) < 1e-15; };
  CHECK(rate(0) == 1e-3);
  CHECK(close(rate(1), 2.8e-3));
  CHECK(close(rate(2.5), 5.5e-3));
  CHECK(rate(5) == 1e-2);
  CHECK(rate(54.999) == 1e-2);
  CHECK(close(rate(55), 1e-3));
  CHECK(close(rate(67.999), 1e-3));
  CHECK(close(rate(68), 1e-4));
  CHECK(close(rate(80), 1e-4));
}

TEST_CASE("schedule: without warm-up the first epoch has the peak", "[schedule]") {
  const ag::StepSchedule rate({.peak = 8, .warm_up = 0, .drops = {0.5, 2, 2}, .divisor = 2});
  CHECK(rate(0) == 8);
  CHECK(rate(0.5) == 4);
  CHECK(rate(2) == 1);  // two drops at one place
  CHECK(ag::ConstantSchedule{0.25}(17) == 0.25);
}

TEST_CASE("schedule: half a cosine falls from the peak to the end, by the warm-up before it",
          "[schedule]") {
  const auto close = [](double a, double b) { return std::abs(a - b) < 1e-14; };
  const ag::CosineSchedule rate({.start = 2, .peak = 10, .end = 2, .warm_up = 4, .total = 16});
  CHECK(rate(-1) == 2);
  CHECK(rate(0) == 2);
  CHECK(close(rate(1), 4));
  CHECK(rate(4) == 10);
  CHECK(close(rate(7), 6 + 4 * std::sqrt(0.5)));  // a quarter of the way: cos 45 degrees
  CHECK(close(rate(8), 8));                       // a third: cos 60 degrees = 1/2
  CHECK(close(rate(10), 6));
  CHECK(close(rate(12), 4));
  CHECK(std::abs(rate(15.88) - 2.0019737585) < 1e-9);  // it ends level: 2 + 4 (1 - cos 1.8 degrees)
  CHECK(rate(16) == 2);
  CHECK(rate(1000) == 2);
}

TEST_CASE("schedule: a cosine without warm-up begins at its peak, one without fall stays in it",
          "[schedule]") {
  const ag::CosineSchedule bare({.peak = 3, .warm_up = 0, .total = 2});
  CHECK(bare(0) == 3);
  CHECK(std::abs(bare(1) - 1.5) < 1e-14);
  CHECK(bare(2) == 0);
  const ag::CosineSchedule rise({.start = 0, .peak = 3, .end = 1, .warm_up = 3, .total = 3});
  CHECK(rise(2) == 2);
  CHECK(rise(3) == 1);
}

TEST_CASE("schedule: exponential decay falls by its factor in every period", "[schedule]") {
  const ag::ExponentialSchedule rate({.start = 8e-3, .factor = 0.25, .period = 2});
  CHECK(rate(0) == 8e-3);
  CHECK(std::abs(rate(1) - 4e-3) < 1e-17);
  CHECK(std::abs(rate(2) - 2e-3) < 1e-17);
  CHECK(std::abs(rate(6) - 1.25e-4) < 1e-17);
  const ag::ExponentialSchedule coma;
  CHECK(std::abs(coma(1) - 7.92e-3) < 1e-16);
  CHECK(ag::ExponentialSchedule({.start = 3, .factor = 1})(100) == 3);
  const std::function<double(double)> any = rate;
  CHECK(any(2) == rate(2));
}

TEST_CASE("schedule: refuses numbers that make no sense", "[schedule][error]") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const auto steps = [](const ag::StepScheduleOptions& options,
                        std::initializer_list<const char*> parts) {
    check_refused<UsageError>([&] { (void)ag::StepSchedule(options); }, parts);
  };
  steps({.start = -1}, {"start -1"});
  steps({.peak = nan}, {"peak nan"});
  steps({.peak = inf}, {"peak inf"});
  steps({.warm_up = -5}, {"warm_up -5"});
  steps({.divisor = 0}, {"divisor 0"});
  steps({.drops = {68, 55}}, {"drop 55", "ascending"});
  steps({.drops = {3, 55}}, {"drop 3", "after the warm-up"});
  steps({.drops = {nan}}, {"drop nan"});
  const auto cosine = [](const ag::CosineScheduleOptions& options,
                         std::initializer_list<const char*> parts) {
    check_refused<UsageError>([&] { (void)ag::CosineSchedule(options); }, parts);
  };
  cosine({.start = -1}, {"start -1"});
  cosine({.peak = nan}, {"peak nan"});
  cosine({.end = inf}, {"end inf"});
  cosine({.warm_up = -5}, {"warm_up -5"});
  cosine({.warm_up = 0, .total = 0}, {"total 0"});
  cosine({.warm_up = 5, .total = 4}, {"total 4", "end of the warm-up"});
  const auto exponential = [](const ag::ExponentialScheduleOptions& options,
                              std::initializer_list<const char*> parts) {
    check_refused<UsageError>([&] { (void)ag::ExponentialSchedule(options); }, parts);
  };
  exponential({.start = -1}, {"start -1"});
  exponential({.factor = 0}, {"factor 0"});
  exponential({.factor = 1.5}, {"factor 1.5"});
  exponential({.factor = nan}, {"factor nan"});
  exponential({.period = 0}, {"period 0"});
}

}  // namespace rf::test
