#include "engine/ops/concat.hpp"

#include <algorithm>
#include <cstring>

#include "engine/ops/run.hpp"

namespace rf {

namespace {

// `count` rows of row_bytes each to places to_pitch bytes apart; long rows are cut so that threads
// share them.
void copy_rows(const std::byte* from, std::byte* to, Index count, Index row_bytes, Index to_pitch) {
  constexpr Index kPiece = 65536;
  if (row_bytes == 0) return;
  const Index pieces = ceil_div(row_bytes, kPiece);
  for_ranges(count * pieces, std::min(row_bytes, kPiece) / 4, [&](Index begin, Index end) {
    for (Index unit = begin; unit < end; ++unit) {
      const Index row = unit / pieces, offset = unit % pieces * kPiece;
      std::memcpy(to + row * to_pitch + offset, from + row * row_bytes + offset,
                  static_cast<std::size_t>(std::min(kPiece, row_bytes - offset)));
    }
  });
}

}  // namespace

Shape concat_out_shape(std::span<const Tensor> parts, int axis) {
  RF_CHECK_SHAPE(!parts.empty(), "concat", "no tensors given");
  const Shape& first = parts[0].shape();
  RF_CHECK_SHAPE(axis >= 0 && axis < first.rank(), "concat", "input ", first, " has no axis ",
                 axis);
  Index size = 0;
  for (const Tensor& part : parts) {
    const Shape& shape = part.shape();
    RF_CHECK_SHAPE(shape.rank() == first.rank() && shape.with(axis, 0) == first.with(axis, 0),
                   "concat", "shapes ", first, " and ", shape, " differ elsewhere than along axis ",
                   axis);
    size = checked_add(size, shape[axis]);
  }
  return first.with(axis, size);
}

Tensor concat(std::span<const Tensor> parts, int axis) {
  const Shape out = concat_out_shape(parts, axis);
  for (const Tensor& part : parts) {
    RF_CHECK_SHAPE(part.dtype() == parts[0].dtype(), "concat", "got both ", parts[0].dtype(),
                   " and ", part.dtype(), "; convert one with Tensor::to");
  }
  Tensor y = Tensor::empty(out, parts[0].dtype());
  Index outer = 1;
  for (int i = 0; i < axis; ++i) outer *= out[i];
  if (y.numel() == 0) return y;
  auto* to = static_cast<std::byte*>(y.raw());
  for (const Tensor& part : parts) {
    const Index row_bytes = part.bytes() / outer;
    copy_rows(static_cast<const std::byte*>(part.raw()), to, outer, row_bytes, y.bytes() / outer);
    to += row_bytes;
  }
  return y;
}

}  // namespace rf
