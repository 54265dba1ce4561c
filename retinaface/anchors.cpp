#include "retinaface/anchors.hpp"

#include <algorithm>
#include <cmath>

#include "engine/check.hpp"

namespace rf {

AnchorGrid::AnchorGrid(const std::vector<AnchorLevel>& levels, Index width, Index height) {
  RF_CHECK_SHAPE(width >= 1 && height >= 1, "anchors", "a picture of ", width, "x", height,
                 " has no pixels");
  for (const AnchorLevel& level : levels) {
    const Index columns = ceil_div(width, level.stride), rows = ceil_div(height, level.stride);
    levels_.push_back({count_, columns, rows, level.stride, level.offset, level.sizes});
    count_ = checked_add(
        count_, checked_mul(checked_mul(columns, rows), static_cast<Index>(level.sizes.size())));
  }
}

AnchorGrid::Range AnchorGrid::meeting(double low, double high, double half_size, const Level& level,
                                      Index cells) {
  const auto stride = static_cast<double>(level.stride), most = static_cast<double>(cells);
  const double first = std::floor((low - half_size - level.offset) / stride);
  const double last = std::ceil((high + half_size - level.offset) / stride);
  return {static_cast<Index>(std::clamp(first, 0.0, most)),
          static_cast<Index>(std::clamp(last + 1, 0.0, most))};
}

AnchorGrid::Place AnchorGrid::place(Index index) const {
  RF_ASSERT(index >= 0 && index < count_);
  std::size_t l = levels_.size() - 1;
  while (index < levels_[l].first) --l;
  const Level& level = levels_[l];
  const Index per_cell = static_cast<Index>(level.sizes.size()), in_level = index - level.first;
  const Index cell = in_level / per_cell;
  return {static_cast<Index>(l), cell / level.columns, cell % level.columns, in_level % per_cell};
}

Anchor AnchorGrid::operator[](Index index) const {
  const Place at = place(index);
  const Level& level = levels_[static_cast<std::size_t>(at.level)];
  return level.anchor(at.row, at.column, level.sizes[static_cast<std::size_t>(at.rank)]);
}

}  // namespace rf
