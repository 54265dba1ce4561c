// The robust distances of box and landmark regression, element by element, with d = x - target:
//   smooth_l1 = d^2 / (2 beta) for |d| < beta, |d| - beta / 2 otherwise  (Girshick, Fast R-CNN,
//   2015, eq. (3), where beta is 1);  l1 = |d|, its limit for beta -> 0.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct SmoothL1Params {
  double beta = 1;  // where the parabola becomes a line
};

// x and target of one shape, f32 or f64, give that shape. Throw ShapeError: other shapes; a beta
// that is not above 0, not finite, or not a normal number in the type of x.
[[nodiscard]] Tensor smooth_l1(const Tensor& x, const Tensor& target,
                               const SmoothL1Params& params = {});
[[nodiscard]] Tensor l1(const Tensor& x, const Tensor& target);

// dL/dx given gy = dL/dy:  gy d / beta for |d| < beta, gy sign(d) otherwise; at the kink of l1, 0.
// As d changes its sign with the two exchanged, dL/dtarget is the same with target as x and x as
// target. Throw ShapeError.
[[nodiscard]] Tensor smooth_l1_grad(const Tensor& gy, const Tensor& x, const Tensor& target,
                                    const SmoothL1Params& params = {});
[[nodiscard]] Tensor l1_grad(const Tensor& gy, const Tensor& x, const Tensor& target);

}  // namespace rf
