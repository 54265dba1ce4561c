// Cross product of vectors of three: y = a x b = (a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0).
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// a, b [.., 3] of one shape, both f32 or both f64; gives that shape. With gy = dL/dy the gradients
// are cross products too: dL/da = b x gy, dL/db = gy x a. Throws ShapeError.
[[nodiscard]] Tensor cross(const Tensor& a, const Tensor& b);

}  // namespace rf
