// A progress bar on stderr: how far, how fast, how long still.
#pragma once

#include <chrono>
#include <string>

#include "engine/shape.hpp"

namespace rf::cli {

// One bar at a time. It is redrawn at most ten times a second, and leaves the screen when it is
// destroyed or when say() prints a line.
class Progress {
 public:
  // `total` steps of `label`; draws nothing unless `enabled` (the caller's -q) and stderr is a
  // terminal.
  Progress(std::string label, Index total, bool enabled);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // `done` of `total` are finished.
  void step(Index done);

  // Wipes the bar, if one is on the screen; the next step() draws it again.
  static void clear_screen();

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  Index total_;
  bool enabled_;
  Clock::time_point start_, drawn_;
};

// The bar as text, 79 columns at most: "detect [=====     ] 12/34  5.1/s  4 s left". Requires 0 <=
// done <= total.
[[nodiscard]] std::string progress_line(const std::string& label, Index done, Index total,
                                        double seconds);

// "461 images in 9.3 s: 49.57 images/s, 2 jobs x 1 thread". Jobs beside each other have a thread
// each, one alone has all.
[[nodiscard]] std::string speed_text(Index images, double seconds, int jobs);

}  // namespace rf::cli
