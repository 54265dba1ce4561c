// Anchors (RetinaFace section 3.1 and Table 2): squares of fixed sizes at every cell of every
// level. They are never stored for detection: an index says where one is.
#pragma once

#include <vector>

#include "retinaface/model_config.hpp"

namespace rf {

// Centre and side in pixels of the network's picture.
struct Anchor {
  double x, y, size;
};

// The anchors of a picture of width x height: level-major from the finest, then row, column, size
// ascending. A level of stride s has ceil(height / s) x ceil(width / s) cells.
class AnchorGrid {
 public:
  AnchorGrid(const std::vector<AnchorLevel>& levels, Index width, Index height);

  [[nodiscard]] Index count() const { return count_; }

  // Requires 0 <= index < count().
  [[nodiscard]] Anchor operator[](Index index) const;

  // Where an anchor is: its level from the finest, its cell, and which of the cell's anchors it is.
  // Requires 0 <= index < count().
  struct Place {
    Index level, row, column, rank;
  };
  [[nodiscard]] Place place(Index index) const;

  // f(index, anchor) for every anchor whose square meets the box from (x1, y1) to (x2, y2), in
  // order, and perhaps for some that just miss it.
  template <class F>
  void for_each_meeting(double x1, double y1, double x2, double y2, F&& f) const;

 private:
  struct Level {
    Index first, columns, rows, stride;
    double offset;
    std::vector<double> sizes;

    [[nodiscard]] Anchor anchor(Index row, Index column, double size) const {
      return {static_cast<double>(column * stride) + offset,
              static_cast<double>(row * stride) + offset, size};
    }
  };
  struct Range {
    Index begin, end;
  };
  // The cells, of `cells`, whose anchors of this size reach into [low, high].
  static Range meeting(double low, double high, double half_size, const Level& level, Index cells);

  std::vector<Level> levels_;
  Index count_ = 0;
};

template <class F>
void AnchorGrid::for_each_meeting(double x1, double y1, double x2, double y2, F&& f) const {
  for (const Level& level : levels_) {
    // All sizes of a cell go together: the largest decides.
    const double half = level.sizes.back() / 2;
    const Range rows = meeting(y1, y2, half, level, level.rows);
    const Range columns = meeting(x1, x2, half, level, level.columns);
    const auto per_cell = static_cast<Index>(level.sizes.size());
    for (Index row = rows.begin; row < rows.end; ++row) {
      for (Index column = columns.begin; column < columns.end; ++column) {
        Index index = level.first + (row * level.columns + column) * per_cell;
        for (const double size : level.sizes) f(index++, level.anchor(row, column, size));
      }
    }
  }
}

}  // namespace rf
