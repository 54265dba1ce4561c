// Sum of two tensors, element by element.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// a, b of one shape, both f32 or both f64. Throws ShapeError.
[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);

}  // namespace rf
