// A range of positions along one axis.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// Throws ShapeError: an axis outside [0, rank), a range outside 0 <= begin <= end <= size.
[[nodiscard]] Shape slice_out_shape(const Shape& x, int axis, Index begin, Index end);

// A copy of positions [begin, end) of x along `axis`; x of any element type. Throws ShapeError.
[[nodiscard]] Tensor slice(const Tensor& x, int axis, Index begin, Index end);

// dL/dx of slice(x, axis, begin, end), x of shape `x`, given gy = dL/dy: gy inside the range, zero
// elsewhere. Throws ShapeError: a gy that is no such slice.
[[nodiscard]] Tensor slice_grad(const Tensor& gy, const Shape& x, int axis, Index begin);

}  // namespace rf
