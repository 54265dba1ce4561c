#include "engine/ops/permute.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "engine/ops/run.hpp"

namespace rf {

namespace {

// One axis of the result: its size, and how many elements apart its neighbours lie in the result
// and in the input.
struct Axis {
  Index size, to, from;
};

// The axes of the result, outermost first; axes of one element are dropped, axes that lie together
// in the input as well are joined.
std::vector<Axis> simplified(const Shape& x, const Shape& y, std::span<const int> order) {
  std::array<Index, Shape::kMaxRank> stride{};
  Index elements = 1;
  for (int i = x.rank() - 1; i >= 0; elements *= x[i--])
    stride[static_cast<std::size_t>(i)] = elements;
  std::vector<Axis> axes;
  for (int i = 0; i < y.rank(); ++i) {
    const Index from = stride[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
    if (y[i] == 1) continue;
    if (!axes.empty() && axes.back().from == from * y[i])
      axes.back() = {axes.back().size * y[i], 0, from};
    else
      axes.push_back({y[i], 0, from});
  }
  elements = 1;
  for (std::size_t i = axes.size(); i-- > 0; elements *= axes[i].size) axes[i].to = elements;
  return axes;
}

// Where element `index` of the axes lies in the result and in the input.
struct Offsets {
  Index to = 0, from = 0;
};

Offsets offsets(const std::vector<Axis>& axes, Index index) {
  Offsets at;
  for (std::size_t i = axes.size(); i-- > 0; index /= axes[i].size) {
    at.to += index % axes[i].size * axes[i].to;
    at.from += index % axes[i].size * axes[i].from;
  }
  return at;
}

Index product(const std::vector<Axis>& axes) {
  Index n = 1;
  for (const Axis& axis : axes) n *= axis.size;
  return n;
}

// The last axis of the result is the last of the input: runs of `run` elements move as they are.
void copy_runs(const std::byte* x, std::byte* y, const std::vector<Axis>& outer, Index run,
               Index element) {
  for_ranges(product(outer), run, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Offsets at = offsets(outer, i);
      std::memcpy(y + at.to * element, x + at.from * element,
                  static_cast<std::size_t>(run * element));
    }
  });
}

// Otherwise: a transpose of `rows` (whose neighbours lie together in the input) and `columns`
// (together in the result) for each index of the other axes, in squares that stay in the
// first-level cache.
template <Index Size>
void transpose(const std::byte* x, std::byte* y, const std::vector<Axis>& outer, const Axis& rows,
               const Axis& columns) {
  constexpr Index kSquare = 32;
  const Index bands = ceil_div(rows.size, kSquare);
  for_ranges(product(outer) * bands, kSquare * columns.size, [&](Index begin, Index end) {
    for (Index unit = begin; unit < end; ++unit) {
      const Offsets at = offsets(outer, unit / bands);
      const Index row_begin = unit % bands * kSquare,
                  row_end = std::min(row_begin + kSquare, rows.size);
      for (Index column_begin = 0; column_begin < columns.size; column_begin += kSquare) {
        const Index column_end = std::min(column_begin + kSquare, columns.size);
        for (Index r = row_begin; r < row_end; ++r) {
          std::byte* to = y + (at.to + r * rows.to + column_begin) * Size;
          const std::byte* from = x + (at.from + r + column_begin * columns.from) * Size;
          for (Index c = column_begin; c < column_end;
               ++c, to += Size, from += columns.from * Size) {
            std::memcpy(to, from, Size);
          }
        }
      }
    }
  });
}

}  // namespace

Shape permute_out_shape(const Shape& x, std::span<const int> axes) {
  std::array<Index, Shape::kMaxRank> dims{};
  std::array<bool, Shape::kMaxRank> seen{};
  bool valid = static_cast<int>(axes.size()) == x.rank();
  for (std::size_t i = 0; valid && i < axes.size(); ++i) {
    valid = axes[i] >= 0 && axes[i] < x.rank() && !seen[static_cast<std::size_t>(axes[i])];
    if (!valid) break;
    seen[static_cast<std::size_t>(axes[i])] = true;
    dims[i] = x[axes[i]];
  }
  if (!valid) {
    std::string text;
    for (const int axis : axes) text += (text.empty() ? "" : ", ") + std::to_string(axis);
    throw ShapeError(
        message("permute: axes {", text, "} must name each axis of input ", x, " once"));
  }
  return Shape(std::span<const Index>(dims.data(), axes.size()));
}

Tensor permute(const Tensor& x, std::span<const int> axes) {
  Tensor y = Tensor::empty(permute_out_shape(x.shape(), axes), x.dtype());
  if (y.numel() == 0) return y;
  std::vector<Axis> outer = simplified(x.shape(), y.shape(), axes);
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  const Axis columns = outer.empty() ? Axis{1, 1, 1} : outer.back();
  if (!outer.empty()) outer.pop_back();
  if (columns.from == 1) {
    copy_runs(from, to, outer, columns.size, size_of(x.dtype()));
    return y;
  }
  const auto innermost =
      std::find_if(outer.begin(), outer.end(), [](const Axis& axis) { return axis.from == 1; });
  RF_ASSERT(innermost != outer.end());
  const Axis rows = *innermost;
  outer.erase(innermost);
  with_element_size(x.dtype(),
                    [&](auto size) { transpose<size()>(from, to, outer, rows, columns); });
  return y;
}

}  // namespace rf
