// Picking positions along an axis, and its adjoint, adding to them.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// y[.., m, ..] = x[.., index[m], ..]: x with M picked positions in place of `axis`. x of any
// element type; index i64 [M], a position may be picked any number of times. Throws ShapeError: an
// axis outside [0, rank), an index of another type or rank, a position outside [0, size of the
// axis).
[[nodiscard]] Tensor gather(const Tensor& x, int axis, const Tensor& index);

// y[.., p, ..] = sum over m with index[m] = p of x[.., m, ..], in the order of m; 0 where there is
// none. x f32 or f64 with M positions along `axis`; y has `size`. Throws ShapeError like gather,
// and when index is not [M].
[[nodiscard]] Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, Index size);

}  // namespace rf
