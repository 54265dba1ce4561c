// e^x and the natural logarithm, element by element (engine/math.hpp: the same bits on every CPU).
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// x of any shape, f32 or f64; gives the shape of x. log(0) is -infinity, of a negative number NaN.
// Throw ShapeError.
[[nodiscard]] Tensor exp(const Tensor& x);
[[nodiscard]] Tensor log(const Tensor& x);

// dL/dx, given gy = dL/dy: of exp, from its output y: gy y; of log, from its input x: gy / x. Both
// tensors of one shape and type. Throw ShapeError.
[[nodiscard]] Tensor exp_grad(const Tensor& gy, const Tensor& y);
[[nodiscard]] Tensor log_grad(const Tensor& gy, const Tensor& x);

}  // namespace rf
