#include "docs/examples/fit_sheet.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "retinaface/canvas.hpp"

namespace example {

namespace {

using rf::Canvas;
using rf::Colour;
using rf::Image;
using rf::Index;

constexpr Colour kGround{251, 251, 249}, kGrid{227, 229, 232}, kInk{62, 68, 77},
    kCurve{27, 108, 184}, kDot{224, 92, 40};

// Pixels. Panels: about the size of a panel's longer side, and what a caption needs.
constexpr Index kMargin = 24, kGap = 16, kPanel = 256, kCaption = 34, kChart = 260;
constexpr double kCell = 2;  // of the font

double real(Index value) { return static_cast<double>(value); }

// Each pixel becomes a square of `factor` x `factor`, the upper left one at (left, top).
void paste(const Image& picture, Index factor, Index left, Index top, Image& sheet) {
  for (Index y = 0; y < picture.height * factor; ++y) {
    for (Index x = 0; x < picture.width * factor; ++x) {
      const auto from = 3 * (y / factor * picture.width + x / factor);
      std::copy_n(picture.rgb.begin() + from, 3,
                  sheet.rgb.begin() + 3 * ((top + y) * sheet.width + left + x));
    }
  }
}

// The least of 1, 2, 5, 10, 20, 50, ... that divides a range into at most `most` parts.
Index tick_step(Index range, Index most) {
  for (Index unit = 1;; unit *= 10) {
    for (const Index step : {unit, 2 * unit, 5 * unit}) {
      if (range <= step * most) return step;
    }
  }
}

enum class Align { left, centre, right };

void write(Canvas& canvas, double x, double y, Align align, const std::string& text) {
  const double width = kCell * real(rf::text_cells(text));
  const double before = align == Align::left ? 0 : align == Align::centre ? width / 2 : width;
  canvas.text(std::round(x - before), std::round(y), kCell, text, kInk);
}

void draw_chart(Canvas& canvas, const rf::Rect& frame, const std::vector<double>& psnr, Index steps,
                const std::vector<Index>& dots) {
  const auto [least, most] = std::minmax_element(psnr.begin(), psnr.end());
  const auto first = static_cast<Index>(std::floor(*least));
  const auto last = std::max(static_cast<Index>(std::ceil(*most)), first + 1);
  const Index rise = tick_step(last - first, 5), run = tick_step(steps, 10);
  const Index low = first / rise * rise, high = (last + rise - 1) / rise * rise;

  const auto x_of = [&](Index step) {
    return frame.x1 + (frame.x2 - frame.x1) * real(step) / real(steps);
  };
  const auto y_of = [&](double db) {
    return frame.y2 - (frame.y2 - frame.y1) * (db - real(low)) / real(high - low);
  };
  const auto grid = [&](double x1, double y1, double x2, double y2) {
    canvas.fill({std::round(x1), std::round(y1), std::round(x2), std::round(y2)}, 0, kGrid);
  };
  for (Index db = low; db <= high; db += rise) {
    const double y = y_of(real(db));
    grid(frame.x1, y, frame.x2, y + 1);
    write(canvas, frame.x1 - 10, y - 7, Align::right, std::to_string(db));
  }
  for (Index step = 0; step <= steps; step += run) {
    const double x = x_of(step);
    grid(x, frame.y1, x + 1, frame.y2);
    write(canvas, x, frame.y2 + 10, Align::centre, std::to_string(step));
  }
  write(canvas, frame.x1, frame.y1 - 26, Align::left, "PSNR  dB");
  write(canvas, frame.x2, frame.y2 + 34, Align::right, "steps");

  for (std::size_t i = 1; i < psnr.size(); ++i) {
    const auto step = static_cast<Index>(i);
    canvas.line(x_of(step - 1), y_of(psnr[i - 1]), x_of(step), y_of(psnr[i]), 2, kCurve);
  }
  for (const Index step : dots)
    canvas.disc(x_of(step), y_of(psnr[static_cast<std::size_t>(step)]), 4, kDot);
}

std::string caption(Index step, double psnr) {
  char text[64];
  std::snprintf(text, sizeof text, "step %lld  %.1f dB", static_cast<long long>(step), psnr);
  return text;
}

}  // namespace

Image fit_sheet(const Image& target, const Fit& early, const Fit& now,
                const std::vector<double>& psnr, Index steps) {
  const Index factor = std::max<Index>(1, kPanel / std::max(target.width, target.height));
  const Index column = std::max(target.width * factor, kPanel);
  const Index chart_top = kMargin + target.height * factor + kCaption + 3 * kMargin;
  Image sheet{2 * kMargin + 3 * column + 2 * kGap, chart_top + kChart + 3 * kMargin, {}};
  for (Index i = 0; i < sheet.width * sheet.height; ++i)
    sheet.rgb.insert(sheet.rgb.end(), {kGround.r, kGround.g, kGround.b});

  Canvas canvas(sheet);
  const auto panel = [&](Index number, const Image& picture, const std::string& text) {
    const Index left = kMargin + number * (column + kGap);
    paste(picture, factor, left + (column - picture.width * factor) / 2, kMargin, sheet);
    write(canvas, real(left) + real(column) / 2, real(kMargin + picture.height * factor + 12),
          Align::centre, text);
  };
  const auto psnr_at = [&](Index step) { return psnr[static_cast<std::size_t>(step)]; };
  panel(0, target, "picture");
  panel(1, early.picture, caption(early.step, psnr_at(early.step)));
  panel(2, now.picture, caption(now.step, psnr_at(now.step)));
  draw_chart(canvas,
             {real(kMargin) + 44, real(chart_top), real(sheet.width - kMargin) - 12,
              real(chart_top + kChart)},
             psnr, steps, {early.step, now.step});
  return sheet;
}

}  // namespace example
