// Softmax along one axis: y_i = exp(x_i - m) / sum_j exp(x_j - m), m = max_j x_j.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// x of any shape, f32 or f64; gives the shape of x. Throws ShapeError: an axis outside [0, rank).
[[nodiscard]] Tensor softmax(const Tensor& x, int axis);

// dL/dx, given gy = dL/dy and the output y: y_i (gy_i - sum_j gy_j y_j). Throws ShapeError.
[[nodiscard]] Tensor softmax_grad(const Tensor& gy, const Tensor& y, int axis);

}  // namespace rf
