#include "retinaface/draw.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/canvas.hpp"
#include "retinaface/font.hpp"

namespace rf {

namespace {

constexpr Colour kBlack{0, 0, 0}, kWhite{255, 255, 255}, kPanel{22, 24, 29},
    kPanelText{214, 218, 224};

// From unsure to sure: blue, cyan, green, yellow, red, evenly apart to the eye.
constexpr std::array kScale{Colour{84, 116, 255}, Colour{0, 178, 240}, Colour{64, 214, 110},
                            Colour{255, 208, 38}, Colour{255, 66, 54}};

// Left eye, right eye, nose tip, left mouth corner, right mouth corner.
constexpr std::array kLandmarks{Colour{0, 229, 255}, Colour{255, 92, 240}, Colour{255, 234, 60},
                                Colour{120, 255, 60}, Colour{255, 150, 40}};

double clamp_unit(double value) { return value > 0 ? std::min(value, 1.0) : 0.0; }  // NaN becomes 0

// The colour at `t`, 0 to 1, of the scale.
Colour colour_at(double t) {
  const double position = clamp_unit(t) * (kScale.size() - 1);
  const std::size_t stop = std::min(static_cast<std::size_t>(position), kScale.size() - 2);
  const double share = position - static_cast<double>(stop);
  const Colour a = kScale[stop], b = kScale[stop + 1];
  const auto mix = [share](std::uint8_t x, std::uint8_t y) {
    return static_cast<std::uint8_t>((1 - share) * x + share * y + 0.5);
  };
  return {mix(a.r, b.r), mix(a.g, b.g), mix(a.b, b.b)};
}

// Black or white, whichever reads better on `ground`.
Colour ink_on(Colour ground) {
  const double luma = 0.299 * ground.r + 0.587 * ground.g + 0.114 * ground.b;
  return luma > 140 ? kBlack : kWhite;
}

std::string decimal(double value, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

struct Style {
  double line;  // width of lines on large faces, pixels
  double cell;  // size of the largest text's cells, pixels
};

Style style_for(const Image& image) {
  const auto side = static_cast<double>(std::max(image.width, image.height));
  return {std::clamp(side / 480, 1.5, 12.0), std::clamp(side / 640, 1.0, 8.0)};
}

struct Shown {
  const Face* face;
  Rect box;
  Colour colour;
  double side, line;  // shorter side of the box, width of its line
};

bool is_finite(const Face& face) {
  return std::isfinite(face.x1) && std::isfinite(face.y1) && std::isfinite(face.x2) &&
         std::isfinite(face.y2);
}

// Faces that can be drawn, in the given order.
std::vector<Shown> shown_faces(std::span<const Face> faces, const DrawOptions& options,
                               const Style& style) {
  const auto low = static_cast<double>(options.low), high = static_cast<double>(options.high);
  std::vector<Shown> shown;
  for (const Face& face : faces) {
    if (!is_finite(face)) continue;
    const auto near = [](float v) { return std::clamp(static_cast<double>(v), -1e6, 1e6); };
    const auto [left, right] = std::minmax({near(face.x1), near(face.x2)});
    const auto [top, bottom] = std::minmax({near(face.y1), near(face.y2)});
    const double side = std::min(right - left, bottom - top);
    shown.push_back({&face,
                     {left, top, right, bottom},
                     colour_at((static_cast<double>(face.score) - low) / (high - low)),
                     side,
                     std::clamp(side / 20, 1.25, style.line)});
  }
  return shown;
}

void draw_box(Canvas& canvas, const Shown& shown, const Style& style) {
  const double radius = std::min(shown.side * 0.12, style.line * 3);
  // A soft dark edge keeps bright lines visible on bright ground; on small faces it would hide the
  // face.
  if (shown.side >= 20) canvas.outline(shown.box, radius, shown.line + 2, kBlack, 0.3);
  canvas.outline(shown.box, radius, shown.line, shown.colour);
}

void draw_landmarks(Canvas& canvas, const Shown& shown, const Style& style) {
  constexpr double kSmallest = 16;  // pixels of face, below which dots would hide it
  if (shown.side < kSmallest) return;
  const double radius = std::clamp(shown.side * 0.02, 0.8, style.line * 1.75);
  for (std::size_t i = 0; i < kLandmarks.size(); ++i) {
    const double x = static_cast<double>(shown.face->landmarks[i].x);
    const double y = static_cast<double>(shown.face->landmarks[i].y);
    if (!(std::abs(x) <= 1e6 && std::abs(y) <= 1e6)) continue;
    if (shown.side >= 40) canvas.disc(x, y, radius + std::max(0.8, radius * 0.35), kBlack, 0.55);
    canvas.disc(x, y, radius, kLandmarks[i]);
  }
}

// Scores on plates over the boxes, the surest first; a plate that would cover another one is left
// out.
void draw_scores(Canvas& canvas, const Image& image, std::vector<Shown> shown, const Style& style) {
  constexpr double kPadding = 2;  // cells around the text
  const auto width = static_cast<double>(image.width), height = static_cast<double>(image.height);
  std::stable_sort(shown.begin(), shown.end(),
                   [](const Shown& a, const Shown& b) { return a.face->score > b.face->score; });
  std::vector<Rect> plates;
  for (const Shown& s : shown) {
    const std::string text = decimal(clamp_unit(static_cast<double>(s.face->score)), 2);
    const double cells = static_cast<double>(text_cells(text)) + 2 * kPadding;
    // Whole multiples of half a cell keep strokes even; text wider than the face is left out.
    const double cell = std::floor(2 * std::min(style.cell, (s.box.x2 - s.box.x1) / cells)) / 2;
    if (cell < 1) continue;
    const double plate_width = cells * cell, plate_height = (kGlyphRows + 2 * kPadding) * cell;
    const double left =
        std::round(std::clamp(s.box.x1 - s.line / 2, 0.0, std::max(0.0, width - plate_width)));
    // Over the box; where there is no room, at the upper edge of the picture.
    const double top = std::round(std::max(0.0, s.box.y1 - s.line / 2 - plate_height));
    const Rect plate{left, top, left + plate_width, top + plate_height};
    if (plate.y2 > height || s.box.x2 < 0 || s.box.x1 > width) continue;
    if (std::any_of(plates.begin(), plates.end(), [&](const Rect& p) { return overlap(p, plate); }))
      continue;
    plates.push_back(plate);
    canvas.fill(plate, 1.5 * cell, s.colour, 0.92);
    canvas.text(left + kPadding * cell, top + kPadding * cell, cell, text, ink_on(s.colour));
  }
}

// The strip at the right: in cells of `cell` pixels.
struct Panel {
  static constexpr double kWidth = 44, kMargin = 6, kBar = 9, kTick = 2, kGap = 2;
  double cell;
  [[nodiscard]] Index pixels() const { return static_cast<Index>(std::ceil(kWidth * cell)); }
};

void draw_panel(Image& image, Index left, const Panel& panel, std::size_t faces,
                const DrawOptions& options) {
  Canvas canvas(image);
  const double cell = panel.cell, x = static_cast<double>(left) + Panel::kMargin * cell;
  const auto height = static_cast<double>(image.height);
  const double line = (kGlyphRows + Panel::kGap) * cell;
  canvas.fill({static_cast<double>(left), -1, static_cast<double>(image.width) + 1, height + 1}, 0,
              kPanel);
  canvas.text(x, Panel::kMargin * cell, cell, "score", kPanelText);
  const double bottom_text = height - Panel::kMargin * cell - 2 * line + Panel::kGap * cell;
  canvas.text(x, bottom_text, cell, std::to_string(faces), kWhite);
  canvas.text(x, bottom_text + line, cell, faces == 1 ? "face" : "faces", kPanelText);

  // Far enough from both texts that the labels of its ends do not touch them.
  constexpr double kClear = kGlyphRows / 2.0 + 6;
  const Rect bar{x, (Panel::kMargin + kGlyphRows + kClear) * cell, x + Panel::kBar * cell,
                 bottom_text - kClear * cell};
  const double low = static_cast<double>(options.low), high = static_cast<double>(options.high),
               range = high - low;
  const double span = bar.y2 - bar.y1;
  for (Index y = static_cast<Index>(bar.y1); y < static_cast<Index>(bar.y2); ++y) {
    const auto at = static_cast<double>(y);
    canvas.fill({bar.x1, at, bar.x2, at + 1}, 0, colour_at((bar.y2 - at - 0.5) / span));
  }
  // Multiples of a round step, with room for the text of each.
  double step = range > 0.6 ? 0.2 : range > 0.2 ? 0.1 : 0.05;
  while (span / range * step < 1.2 * line) step *= 2;
  const int digits = step < 0.1 ? 2 : 1;
  for (double i = std::ceil(low / step - 1e-6); i * step <= high + 1e-6; ++i) {
    const double y = bar.y2 - (i * step - low) / range * span;
    canvas.fill({bar.x2, y - cell / 2, bar.x2 + Panel::kTick * cell, y + cell / 2}, 0, kPanelText);
    canvas.text(bar.x2 + 2 * Panel::kTick * cell, std::round(y - kGlyphRows * cell / 2), cell,
                decimal(i * step, digits), kPanelText);
  }
}

// `image` with `columns` more pixels at the right.
Image widened(const Image& image, Index columns) {
  Image wide{image.width + columns, image.height, {}};
  wide.rgb.resize(static_cast<std::size_t>(checked_mul(checked_mul(3, wide.width), wide.height)));
  for (Index y = 0; y < image.height; ++y) {
    std::copy_n(image.rgb.data() + 3 * image.width * y, 3 * image.width,
                wide.rgb.data() + 3 * wide.width * y);
  }
  return wide;
}

}  // namespace

Image draw_faces(const Image& image, std::span<const Face> faces, const DrawOptions& options) {
  RF_CHECK_SHAPE(image.width >= 1 && image.height >= 1, "draw_faces", "the picture is empty");
  RF_CHECK_SHAPE(options.low >= 0 && options.low < options.high && options.high <= 1, "draw_faces",
                 "a colour scale from ", options.low, " to ", options.high,
                 ": 0 <= low < high <= 1 is needed");
  RF_ASSERT(image.rgb.size() == static_cast<std::size_t>(3 * image.width * image.height));
  Image picture = image;
  Canvas canvas(picture);
  const Style style = style_for(image);
  std::vector<Shown> shown = shown_faces(faces, options, style);
  // The surest are drawn last, over the others.
  std::stable_sort(shown.begin(), shown.end(),
                   [](const Shown& a, const Shown& b) { return a.face->score < b.face->score; });
  for (const Shown& s : shown) draw_box(canvas, s, style);
  if (options.landmarks) {
    for (const Shown& s : shown) draw_landmarks(canvas, s, style);
  }
  if (options.scores) draw_scores(canvas, image, shown, style);

  constexpr Index kSmallestHeight = 120;  // below, the bar has no room for its labels
  if (!options.colour_bar || image.height < kSmallestHeight) return picture;
  const Panel panel{std::clamp(std::floor(static_cast<double>(image.height) / 180) / 2, 1.0, 8.0)};
  Image result = widened(picture, panel.pixels());
  draw_panel(result, image.width, panel, shown.size(), options);
  return result;
}

}  // namespace rf
