// Vectors of length 1: y = x / max(|x|, eps), |x| the Euclidean length along the last axis. Shorter
// vectors than eps are divided by eps, so that 0 stays 0.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// x [.., C], f32 or f64; gives the shape of x. Lengths are computed in double. Throws ShapeError:
// rank 0, or eps that is not positive.
[[nodiscard]] Tensor normalize(const Tensor& x, double eps = 1e-12);

// dL/dx, given gy = dL/dy of x's shape: (gy - y <y, gy>) / |x| where |x| > eps, the part of gy at a
// right angle to x. For |x| <= eps, where the divisor is the constant eps: gy / eps. Throws
// ShapeError.
[[nodiscard]] Tensor normalize_grad(const Tensor& gy, const Tensor& x, double eps = 1e-12);

}  // namespace rf
