// Anti-aliased shapes on a picture. Coordinates are pixels, (0, 0) the upper left corner of the
// upper left pixel; what lies outside the picture is not drawn. Coordinates must be finite and
// within +-1e9.
#pragma once

#include <cstdint>
#include <string>

#include "engine/image.hpp"

namespace rf {

struct Colour {
  std::uint8_t r, g, b;
};

struct Rect {
  double x1, y1, x2, y2;
};

[[nodiscard]] inline bool overlap(const Rect& a, const Rect& b) {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

// Shares with the picture it was given; nothing is copied.
class Canvas {
 public:
  explicit Canvas(Image& image) : image_(image) {}

  // Alpha: 1 covers, 0 leaves the picture as it is. Radius: of rounded corners.
  void fill(const Rect& rect, double radius, Colour colour, double alpha = 1);
  void outline(const Rect& rect, double radius, double line_width, Colour colour, double alpha = 1);
  void disc(double x, double y, double radius, Colour colour, double alpha = 1);

  // Round at both ends.
  void line(double x1, double y1, double x2, double y2, double line_width, Colour colour);

  // Upper left corner at (x, y), each cell of the font `cell` pixels wide and high. Characters that
  // the font lacks leave a gap.
  void text(double x, double y, double cell, const std::string& text, Colour colour);

 private:
  void blend(Index x, Index y, Colour colour, double alpha);

  Image& image_;
};

// Width of a text in cells, without the gap after the last character.
[[nodiscard]] Index text_cells(const std::string& text);

}  // namespace rf
