// The part of a picture that a face's camera looks at.
#pragma once

#include <algorithm>

#include "retinaface/box_coding.hpp"

namespace rf {

// A square of a picture, in its pixels; may reach outside.
struct SquareCrop {
  double x, y, side;  // upper left corner
};

// Around the middle of a box, its side in longer sides of the box: room for the part of a head that
// boxes leave out, and for boxes that are a little off (a choice of ours).
inline constexpr double kCropOfBox = 1.4;

[[nodiscard]] inline SquareCrop square_around(const Box& box) {
  const auto middle = [](float a, float b) {
    return (static_cast<double>(a) + static_cast<double>(b)) / 2;
  };
  const double side =
      kCropOfBox * std::max({static_cast<double>(box.x2) - static_cast<double>(box.x1),
                             static_cast<double>(box.y2) - static_cast<double>(box.y1), 1.0});
  return {middle(box.x1, box.x2) - side / 2, middle(box.y1, box.y2) - side / 2, side};
}

}  // namespace rf
