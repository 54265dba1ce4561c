#include "retinaface/training/chart_series.hpp"

#include <algorithm>

#include "engine/check.hpp"
#include "retinaface/training/chart_axis.hpp"

namespace rf {

std::vector<RowGroup> group_rows(std::span<const double> x, std::span<const double> y,
                                 std::size_t most) {
  RF_ASSERT(x.size() == y.size() && most >= 1);
  const std::size_t groups = std::min(x.size(), most);
  std::vector<RowGroup> result;
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t begin = g * x.size() / groups, end = (g + 1) * x.size() / groups;
    RowGroup group{x[end - 1], 0, 0, 0, 0};
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (!chartable(y[i])) continue;
      group.low = group.rows == 0 ? y[i] : std::min(group.low, y[i]);
      group.high = group.rows == 0 ? y[i] : std::max(group.high, y[i]);
      sum += y[i];
      ++group.rows;
    }
    if (group.rows > 0) group.mean = sum / static_cast<double>(group.rows);
    result.push_back(group);
  }
  return result;
}

std::vector<double> moving_mean(std::span<const RowGroup> groups, std::size_t reach) {
  std::vector<double> means;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::size_t begin = g - std::min(g, reach);
    const std::size_t end = std::min(groups.size(), g + reach + 1);
    double sum = 0, rows = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += groups[i].mean * static_cast<double>(groups[i].rows);
      rows += static_cast<double>(groups[i].rows);
    }
    means.push_back(rows > 0 ? sum / rows : 0);
  }
  return means;
}

}  // namespace rf
