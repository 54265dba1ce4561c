// Which of many boxes can overlap a given one: a grid over their centres.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "retinaface/box_coding.hpp"

namespace rf {

// IoU of two boxes is at most the quotient of their widths, and no more of their widths can overlap
// than (w1 + w2) / 2 - |c1 - c2|. Hence for IoU >= t > 0 their centres are no farther apart than
// (1 - t) / t times the width of either; the same for heights.
class BoxGrid {
 public:
  // For searches among boxes that lie where `boxes` do, at IoU >= `least_iou` (0: all are near).
  BoxGrid(std::span<const Box> boxes, double least_iou, bool plus_one)
      : reach_((1 - least_iou) / least_iou), one_(plus_one ? 1 : 0) {
    // About one cell per box.
    per_side_ =
        std::max<Index>(1, static_cast<Index>(std::sqrt(static_cast<double>(boxes.size()))));
    for (const Box& box : boxes) {
      x_.extend(centre(box.x1, box.x2));
      y_.extend(centre(box.y1, box.y2));
    }
    cells_.resize(static_cast<std::size_t>(per_side_ * per_side_));
  }

  void add(const Box& box, Index index) {
    const Index column = x_.cell(centre(box.x1, box.x2), per_side_);
    const Index row = y_.cell(centre(box.y1, box.y2), per_side_);
    cells_[static_cast<std::size_t>(row * per_side_ + column)].push_back(index);
  }

  // Calls f(index) for boxes that were added, at least for all whose IoU with `box` reaches
  // least_iou, until it returns true. Returns whether it did.
  template <class F>
  [[nodiscard]] bool any_near(const Box& box, F&& f) const {
    const Span columns = near(box.x1, box.x2, x_), rows = near(box.y1, box.y2, y_);
    for (Index row = rows.first; row <= rows.last; ++row) {
      for (Index column = columns.first; column <= columns.last; ++column) {
        for (const Index index : cells_[static_cast<std::size_t>(row * per_side_ + column)]) {
          if (f(index)) return true;
        }
      }
    }
    return false;
  }

 private:
  struct Span {
    Index first, last;
  };

  // The centres' range along one axis, in per_side equal cells; beyond it the outermost ones.
  struct Axis {
    double low = std::numeric_limits<double>::infinity(), high = -low;

    void extend(double value) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
    [[nodiscard]] Index cell(double value, Index per_side) const {
      if (!(high > low)) return 0;
      const double cells = static_cast<double>(per_side);
      return static_cast<Index>(std::clamp((value - low) / (high - low) * cells, 0.0, cells - 1));
    }
  };

  [[nodiscard]] static double centre(float low, float high) {
    return (static_cast<double>(low) + static_cast<double>(high)) / 2;
  }

  [[nodiscard]] Span near(float low, float high, const Axis& axis) const {
    const double side = static_cast<double>(high) - static_cast<double>(low) + one_;
    // A little more, so that rounding loses none; an infinite reach becomes every cell.
    const double reach = reach_ * std::max(side, 0.0) * (1 + 1e-9) + 1e-9 * std::abs(side);
    const double middle = centre(low, high);
    if (!std::isfinite(reach)) return {0, per_side_ - 1};
    return {axis.cell(middle - reach, per_side_), axis.cell(middle + reach, per_side_)};
  }

  double reach_, one_;
  Index per_side_ = 1;
  Axis x_, y_;
  std::vector<std::vector<Index>> cells_;
};

}  // namespace rf
