#include "engine/plan/memory.hpp"

#include <algorithm>
#include <numeric>

namespace rf {

Placement place(const std::vector<Lifetime>& values) {
  const auto rounded = [](Index bytes) { return ceil_div(bytes, 64) * 64; };
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a].bytes > values[b].bytes; });
  Placement result{.offset = std::vector<Index>(values.size()), .bytes = 0};
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t v : order) {
    Index offset = 0;
    for (const std::size_t other : placed) {
      if (values[other].last < values[v].first || values[v].last < values[other].first) continue;
      if (offset + rounded(values[v].bytes) <= result.offset[other]) break;
      offset = std::max(offset, result.offset[other] + rounded(values[other].bytes));
    }
    result.offset[v] = offset;
    result.bytes = std::max(result.bytes, offset + rounded(values[v].bytes));
    const auto after = std::find_if(placed.begin(), placed.end(), [&](std::size_t other) {
      return result.offset[other] > offset;
    });
    placed.insert(after, v);
  }
  return result;
}

}  // namespace rf
