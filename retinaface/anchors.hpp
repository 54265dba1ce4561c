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

 private:
  struct Level {
    Index first, columns, stride;
    double offset;
    std::vector<double> sizes;
  };
  std::vector<Level> levels_;
  Index count_ = 0;
};

}  // namespace rf
