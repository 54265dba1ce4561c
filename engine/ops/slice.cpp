#include "engine/ops/slice.hpp"

#include "engine/check.hpp"
#include "engine/ops/copy_rows.hpp"

namespace rf {

namespace {

// A tensor along one axis: `rows` rows of `pitch` bytes, each of positions of `step` bytes.
struct Rows {
  Index rows = 1, pitch, step;

  Rows(const Tensor& t, int axis) {
    for (int i = 0; i < axis; ++i) rows *= t.shape()[i];
    pitch = t.bytes() / rows;
    step = pitch / t.shape()[axis];
  }
};

}  // namespace

Shape slice_out_shape(const Shape& x, int axis, Index begin, Index end) {
  RF_CHECK_SHAPE(axis >= 0 && axis < x.rank(), "slice", "input ", x, " has no axis ", axis);
  RF_CHECK_SHAPE(0 <= begin && begin <= end && end <= x[axis], "slice", "range [", begin, ", ", end,
                 ") is not within axis ", axis, " of input ", x);
  return x.with(axis, end - begin);
}

Tensor slice(const Tensor& x, int axis, Index begin, Index end) {
  Tensor y = Tensor::empty(slice_out_shape(x.shape(), axis, begin, end), x.dtype());
  if (y.numel() == 0) return y;
  const Rows from(x, axis), to(y, axis);
  copy_rows(static_cast<const std::byte*>(x.raw()) + begin * from.step, from.pitch,
            static_cast<std::byte*>(y.raw()), to.pitch, to.rows, to.pitch);
  return y;
}

Tensor slice_grad(const Tensor& gy, const Shape& x, int axis, Index begin) {
  RF_CHECK_SHAPE(axis >= 0 && axis < x.rank() && gy.shape().rank() == x.rank(), "slice gradient",
                 "dL/dy is ", gy.shape(), ", no slice of the input ", x, " along axis ", axis);
  const Index size = gy.shape()[axis];
  RF_CHECK_SHAPE(gy.shape().with(axis, 0) == x.with(axis, 0) && 0 <= begin && size <= x[axis] &&
                     begin <= x[axis] - size,
                 "slice gradient", "dL/dy is ", gy.shape(), ", no slice of the input ", x,
                 " along axis ", axis, " from ", begin);
  Tensor gx = Tensor::zeros(x, gy.dtype());
  if (gy.numel() == 0) return gx;
  const Rows from(gy, axis), to(gx, axis);
  copy_rows(static_cast<const std::byte*>(gy.raw()), from.pitch,
            static_cast<std::byte*>(gx.raw()) + begin * to.step, to.pitch, from.rows, from.pitch);
  return gx;
}

}  // namespace rf
