#include "retinaface/cli/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "engine/check.hpp"
#include "engine/parallel.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
bool on_screen = false;

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::ceil(std::min(seconds, 359999.0)));
  char text[32];
  if (whole < 60) {
    std::snprintf(text, sizeof text, "%lld s", whole);
  } else if (whole < 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld min", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld h", whole / 3600, whole / 60 % 60);
  }
  return text;
}

}  // namespace

std::string progress_line(const std::string& label, Index done, Index total, double seconds) {
  constexpr Index kCells = 24;
  const Index full = total > 0 ? kCells * done / total : kCells;
  std::string line = label + " [" + std::string(static_cast<std::size_t>(full), '=') +
                     std::string(static_cast<std::size_t>(kCells - full), ' ') + "] " +
                     std::to_string(done) + "/" + std::to_string(total);
  if (done > 0 && seconds > 0) {
    const double rate = static_cast<double>(done) / seconds;
    char text[48];
    std::snprintf(text, sizeof text, "  %.1f/s  ", rate);
    line += text + duration(static_cast<double>(total - done) / rate) + " left";
  }
  return line.substr(0, 79);
}

Progress::Progress(std::string label, Index total, bool enabled)
    : label_(std::move(label)),
      total_(total),
      enabled_(enabled && stderr_is_terminal()),
      start_(Clock::now()),
      drawn_(start_ - kRedraw) {}

Progress::~Progress() {
  if (enabled_) clear_screen();
}

void Progress::step(Index done) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  if (now - drawn_ < kRedraw) return;
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::fprintf(stderr, "\r%s\033[K",
               progress_line(label_, std::min(done, total_), total_, seconds).c_str());
  on_screen = true;
}

void Progress::clear_screen() {
  if (!std::exchange(on_screen, false)) return;
  std::fputs("\r\033[K", stderr);
}

std::string speed_text(Index images, double seconds, int jobs) {
  const int threads = jobs == 1 ? thread_count() : 1;
  const double rate = seconds > 0 ? static_cast<double>(images) / seconds : 0;
  return message(images, images == 1 ? " image in " : " images in ", fixed(seconds, 1),
                 " s: ", fixed(rate, 2), " images/s, ", jobs, jobs == 1 ? " job x " : " jobs x ",
                 threads, threads == 1 ? " thread" : " threads");
}

}  // namespace rf::cli
