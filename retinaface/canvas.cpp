#include "retinaface/canvas.hpp"

#include <algorithm>
#include <cmath>

#include "retinaface/font.hpp"

namespace rf {

namespace {

struct Range {
  Index begin, end;
};

// The pixels whose centres may lie in [low, high], within a picture of `size`.
Range pixels_between(double low, double high, Index size) {
  const auto limit = [size](double v) {
    return static_cast<Index>(std::clamp(v, 0.0, static_cast<double>(size)));
  };
  return {limit(std::floor(low)), limit(std::ceil(high))};
}

// Signed distance of a point to a rectangle with rounded corners: negative inside.
double distance(const Rect& rect, double radius, double x, double y) {
  const double qx = std::abs(x - (rect.x1 + rect.x2) / 2) - (rect.x2 - rect.x1) / 2 + radius;
  const double qy = std::abs(y - (rect.y1 + rect.y2) / 2) - (rect.y2 - rect.y1) / 2 + radius;
  const double outside = std::hypot(std::max(qx, 0.0), std::max(qy, 0.0));
  return outside + std::min(std::max(qx, qy), 0.0) - radius;
}

double centre(Index pixel) { return static_cast<double>(pixel) + 0.5; }

const Glyph* find_glyph(char character) {
  const auto found = std::find_if(kGlyphs.begin(), kGlyphs.end(),
                                  [=](const Glyph& glyph) { return glyph.character == character; });
  return found == kGlyphs.end() ? nullptr : &*found;
}

// Ink at (u, v) in cells, interpolated between the centres of cells: this rounds corners and joins
// diagonals.
double ink(const Glyph& glyph, double u, double v) {
  const auto cell = [&](int column, int row) {
    if (column < 0 || column >= kGlyphColumns || row < 0 || row >= kGlyphRows) return 0.0;
    return glyph.rows[static_cast<std::size_t>(row)] >> (kGlyphColumns - 1 - column) & 1 ? 1.0
                                                                                         : 0.0;
  };
  const double left = std::floor(u - 0.5), top = std::floor(v - 0.5);
  const double x = u - 0.5 - left, y = v - 0.5 - top;
  const int column = static_cast<int>(left), row = static_cast<int>(top);
  return (1 - y) * ((1 - x) * cell(column, row) + x * cell(column + 1, row)) +
         y * ((1 - x) * cell(column, row + 1) + x * cell(column + 1, row + 1));
}

}  // namespace

Index text_cells(const std::string& text) {
  return std::max<Index>(0, kGlyphAdvance * static_cast<Index>(text.size()) - 1);
}

void Canvas::blend(Index x, Index y, Colour colour, double alpha) {
  if (alpha <= 0) return;
  std::uint8_t* pixel = image_.rgb.data() + 3 * (y * image_.width + x);
  const double share = std::min(alpha, 1.0);
  const auto mix = [share](std::uint8_t under, std::uint8_t over) {
    return static_cast<std::uint8_t>((1 - share) * under + share * over + 0.5);
  };
  pixel[0] = mix(pixel[0], colour.r);
  pixel[1] = mix(pixel[1], colour.g);
  pixel[2] = mix(pixel[2], colour.b);
}

void Canvas::fill(const Rect& rect, double radius, Colour colour, double alpha) {
  const Range rows = pixels_between(rect.y1 - 1, rect.y2 + 1, image_.height);
  const Range columns = pixels_between(rect.x1 - 1, rect.x2 + 1, image_.width);
  for (Index y = rows.begin; y < rows.end; ++y) {
    for (Index x = columns.begin; x < columns.end; ++x) {
      const double coverage = 0.5 - distance(rect, radius, centre(x), centre(y));
      blend(x, y, colour, alpha * std::clamp(coverage, 0.0, 1.0));
    }
  }
}

void Canvas::outline(const Rect& rect, double radius, double line_width, Colour colour,
                     double alpha) {
  const double reach = line_width / 2 + 1;
  const Range rows = pixels_between(rect.y1 - reach, rect.y2 + reach, image_.height);
  const Range all = pixels_between(rect.x1 - reach, rect.x2 + reach, image_.width);
  // Rows between the upper and the lower line meet only the two sides.
  const double inset = reach + radius;
  const Range left = pixels_between(rect.x1 - reach, rect.x1 + inset, image_.width);
  const Range right = pixels_between(rect.x2 - inset, rect.x2 + reach, image_.width);
  for (Index y = rows.begin; y < rows.end; ++y) {
    const auto draw = [&](Index begin, Index end) {
      for (Index x = begin; x < end; ++x) {
        const double off = std::abs(distance(rect, radius, centre(x), centre(y)));
        blend(x, y, colour, alpha * std::clamp(0.5 + line_width / 2 - off, 0.0, 1.0));
      }
    };
    const bool middle = centre(y) > rect.y1 + inset && centre(y) < rect.y2 - inset;
    if (!middle || left.end >= right.begin) {
      draw(all.begin, all.end);
    } else {
      draw(left.begin, left.end);
      draw(right.begin, right.end);
    }
  }
}

void Canvas::disc(double x, double y, double radius, Colour colour, double alpha) {
  fill({x - radius, y - radius, x + radius, y + radius}, radius, colour, alpha);
}

void Canvas::line(double x1, double y1, double x2, double y2, double line_width, Colour colour) {
  const double dx = x2 - x1, dy = y2 - y1, square = dx * dx + dy * dy, reach = line_width / 2 + 1;
  const Range rows =
      pixels_between(std::min(y1, y2) - reach, std::max(y1, y2) + reach, image_.height);
  const Range columns =
      pixels_between(std::min(x1, x2) - reach, std::max(x1, x2) + reach, image_.width);
  for (Index y = rows.begin; y < rows.end; ++y) {
    for (Index x = columns.begin; x < columns.end; ++x) {
      const double px = centre(x) - x1, py = centre(y) - y1;
      const double nearest = square > 0 ? std::clamp((px * dx + py * dy) / square, 0.0, 1.0) : 0;
      const double off = std::hypot(px - nearest * dx, py - nearest * dy);
      blend(x, y, colour, std::clamp(0.5 + line_width / 2 - off, 0.0, 1.0));
    }
  }
}

void Canvas::text(double x, double y, double cell, const std::string& text, Colour colour) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Glyph* glyph = find_glyph(text[i]);
    if (!glyph) continue;
    const double left = x + cell * kGlyphAdvance * static_cast<double>(i);
    const Range rows = pixels_between(y - cell, y + cell * (kGlyphRows + 1), image_.height);
    const Range columns =
        pixels_between(left - cell, left + cell * (kGlyphColumns + 1), image_.width);
    for (Index v = rows.begin; v < rows.end; ++v) {
      for (Index u = columns.begin; u < columns.end; ++u) {
        const double here = ink(*glyph, (centre(u) - left) / cell, (centre(v) - y) / cell);
        blend(u, v, colour, std::clamp((here - 0.5) * std::max(cell, 1.0) + 0.5, 0.0, 1.0));
      }
    }
  }
}

}  // namespace rf
