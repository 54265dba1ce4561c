// Sum of two tensors, element by element.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// a, b of one shape, both f32 or both f64. Throws ShapeError.
[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);

// sum += b, in place: for gradient accumulators, the one use where an operation writes its input.
// Requires that nobody else holds sum's storage. Throws ShapeError.
void add_to(Tensor& sum, const Tensor& b);

}  // namespace rf
