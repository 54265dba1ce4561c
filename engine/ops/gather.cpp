#include "engine/ops/gather.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

void check(const char* op, const Tensor& x, int axis, const Tensor& index, Index size) {
  RF_CHECK_SHAPE(axis >= 0 && axis < x.shape().rank(), op, "input ", x.shape(), " has no axis ",
                 axis);
  RF_CHECK_SHAPE(index.dtype() == DType::i64 && index.shape().rank() == 1, op, "index is ",
                 index.dtype(), " ", index.shape(), ", must be i64 [M]");
  const auto positions = index.span<Index>();
  const auto bad =
      std::find_if(positions.begin(), positions.end(), [&](Index p) { return p < 0 || p >= size; });
  RF_CHECK_SHAPE(bad == positions.end(), op, "index[", bad - positions.begin(), "] is ", *bad,
                 ", must be at least 0 and less than ", size);
}

// The elements of x as [outer, size of axis, inner].
struct Lines {
  Index outer = 1, inner = 1;
  Lines(const Shape& x, int axis) {
    for (int i = 0; i < axis; ++i) outer *= x[i];
    for (int i = axis + 1; i < x.rank(); ++i) inner *= x[i];
  }
};

// For each position p, which m have index[m] = p, in ascending order.
struct PositionLists {
  std::vector<Index> begin, list;
  PositionLists(std::span<const Index> index, Index size)
      : begin(static_cast<std::size_t>(size) + 1), list(index.size()) {
    for (const Index p : index) ++begin[static_cast<std::size_t>(p) + 1];
    for (std::size_t p = 1; p < begin.size(); ++p) begin[p] += begin[p - 1];
    std::vector<Index> next = begin;
    for (std::size_t m = 0; m < index.size(); ++m) {
      list[static_cast<std::size_t>(next[static_cast<std::size_t>(index[m])]++)] =
          static_cast<Index>(m);
    }
  }
};

}  // namespace

Tensor gather(const Tensor& x, int axis, const Tensor& index) {
  const Index size = axis >= 0 && axis < x.shape().rank() ? x.shape()[axis] : 0;
  check("gather", x, axis, index, size);
  const Lines lines(x.shape(), axis);
  const Index count = index.numel(), row = lines.inner * size_of(x.dtype());
  Tensor y = Tensor::empty(x.shape().with(axis, count), x.dtype());
  if (y.numel() == 0) return y;
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  const Index* positions = index.data<Index>();
  for_ranges(lines.outer * count, lines.inner, [&](Index begin, Index end) {
    for (Index unit = begin; unit < end; ++unit) {
      const Index source = unit / count * size + positions[unit % count];
      std::memcpy(to + unit * row, from + source * row, static_cast<std::size_t>(row));
    }
  });
  return y;
}

Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, Index size) {
  RF_CHECK_SHAPE(size >= 0, "scatter_add", "size ", size, " is negative");
  check_same_dtype("scatter_add", {&x});
  check("scatter_add", x, axis, index, size);
  const Index count = x.shape()[axis];
  RF_CHECK_SHAPE(index.numel() == count, "scatter_add", "index ", index.shape(), " for input ",
                 x.shape(), " must be [", count, "], the size of axis ", axis);
  const Lines lines(x.shape(), axis);
  Tensor y = Tensor::empty(x.shape().with(axis, size), x.dtype());
  if (y.numel() == 0) return y;
  const PositionLists lists(index.span<Index>(), size);
  const auto run = [&]<class T>(T) {
    const ScatterAddArgs<T> args{.x = x.data<T>(),
                                 .y = y.data<T>(),
                                 .list_begin = lists.begin.data(),
                                 .list = lists.list.data(),
                                 .count = count,
                                 .size = size,
                                 .inner = lines.inner};
    for_ranges(lines.outer * size, lines.inner * (1 + count / size),
               [&](Index begin, Index end) { reference::scatter_add(args, begin, end); });
  };
  if (x.dtype() == DType::f64)
    run(double{});
  else
    run(float{});
  return y;
}

}  // namespace rf
