#include "engine/ops/sum.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

// x [outer, size, inner] -> [outer, inner].
template <class T, class Kernel>
Tensor sum_middle(const Tensor& x, Index outer, Index size, Index inner, Kernel kernel) {
  Tensor y = Tensor::empty({outer, inner}, x.dtype());
  const SumArgs<T> args{.x = x.data<T>(), .y = y.data<T>(), .size = size, .inner = inner};
  for_ranges(outer * inner, size, [&](Index begin, Index end) { kernel(args, begin, end); });
  return y;
}

template <class T, class Kernel>
Tensor sum_middle_in_blocks(const Tensor& x, Index outer, Index size, Index inner, Kernel kernel) {
  // A long line is cut, so that threads share it: first the sum of every whole block, then of the
  // blocks.
  constexpr Index kBlock = 65536;
  const Index blocks = size / kBlock;
  if (inner > 1 || outer > 8 || blocks < 2) return sum_middle<T>(x, outer, size, inner, kernel);
  Tensor sums = Tensor::empty({outer, blocks + 1}, x.dtype());
  const T* from = x.data<T>();
  T* to = sums.data<T>();
  parallel_for(outer * (blocks + 1), [&](Index chunk) {
    const Index line = chunk / (blocks + 1), begin = chunk % (blocks + 1) * kBlock;
    const SumArgs<T> args{.x = from + line * size + begin,
                          .y = to + chunk,
                          .size = std::min(kBlock, size - begin),
                          .inner = 1};
    kernel(args, 0, 1);
  });
  return sum_middle<T>(sums, outer, blocks + 1, 1, kernel);
}

}  // namespace

Shape sum_out_shape(const Shape& x, std::span<const int> axes) {
  std::array<bool, Shape::kMaxRank> gone{};
  for (const int axis : axes) {
    RF_CHECK_SHAPE(axis >= 0 && axis < x.rank(), "sum", "axis ", axis, " of ", x,
                   ": axes run from 0 to ", x.rank() - 1);
    RF_CHECK_SHAPE(!gone[static_cast<std::size_t>(axis)], "sum", "axis ", axis, " is named twice");
    gone[static_cast<std::size_t>(axis)] = true;
  }
  std::vector<Index> kept;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!gone[static_cast<std::size_t>(axis)]) kept.push_back(x[axis]);
  }
  return Shape(std::span<const Index>(kept));
}

Tensor sum(const Tensor& x, std::span<const int> axes) {
  const Shape out = sum_out_shape(x.shape(), axes);
  check_same_dtype("sum", {&x});
  if (x.numel() == 0) return Tensor::zeros(out, x.dtype());
  std::vector<int> sorted(axes.begin(), axes.end());
  std::ranges::sort(sorted, std::greater<>());
  // From the last axis: adjacent ones go together, each group in one pass over what the one before
  // left.
  Tensor y = x;
  Index inner = 1;
  int next = x.shape().rank() - 1;  // axes above are done
  for (std::size_t i = 0; i < sorted.size();) {
    for (; next > sorted[i]; --next) inner *= x.shape()[next];
    Index size = 1;
    for (; i < sorted.size() && sorted[i] == next; ++i, --next) size *= x.shape()[next];
    Index outer = 1;
    for (int axis = 0; axis <= next; ++axis) outer *= x.shape()[axis];
    y = x.dtype() == DType::f64
            ? sum_middle_in_blocks<double>(y, outer, size, inner, reference::sum<double>)
            : sum_middle_in_blocks<float>(y, outer, size, inner, kernels().sum);
  }
  return y.reshaped(out);
}

}  // namespace rf
