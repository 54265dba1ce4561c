#include "engine/ops/concat.hpp"

#include "engine/check.hpp"
#include "engine/ops/copy_rows.hpp"

namespace rf {

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
    copy_rows(static_cast<const std::byte*>(part.raw()), row_bytes, to, y.bytes() / outer, outer,
              row_bytes);
    to += row_bytes;
  }
  return y;
}

}  // namespace rf
