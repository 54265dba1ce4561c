// Sums over axes. Each is computed in one order that depends on the shape alone, in blocks that are
// added up in double, so that a sum of a million floats keeps its digits.
#pragma once

#include <span>
#include <vector>

#include "engine/tensor.hpp"

namespace rf {

// The shape without the axes that are summed over. Throws ShapeError: an axis outside [0, rank), or
// named twice.
[[nodiscard]] Shape sum_out_shape(const Shape& x, std::span<const int> axes);

// y = sum of x over `axes`, f32 or f64; over all of them: a scalar. An empty sum is 0. Throws
// ShapeError.
[[nodiscard]] Tensor sum(const Tensor& x, std::span<const int> axes);

}  // namespace rf
