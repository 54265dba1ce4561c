// Thousands of rows as a few hundred points that hide no extreme.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// Consecutive rows that are drawn as one.
struct RowGroup {
  double x;                // of its last row
  double low, high, mean;  // of its rows that a chart can show (chart_axis.hpp)
  Index rows;              // how many these are; of none, the other values mean nothing
};

// At most `most` groups, of equally many rows up to one; one row each when there are not more.
// Requires as many x as y, and most >= 1.
[[nodiscard]] std::vector<RowGroup> group_rows(std::span<const double> x, std::span<const double> y,
                                               std::size_t most);

// For each group the mean over the rows of itself and of up to `reach` groups to each side; 0 where
// there are none.
[[nodiscard]] std::vector<double> moving_mean(std::span<const RowGroup> groups, std::size_t reach);

}  // namespace rf
