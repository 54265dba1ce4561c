// Sum, difference, product and quotient of two tensors, element by element, with broadcasting: the
// axes of both are aligned from the last, and an axis that one of them lacks, or has with size 1,
// repeats. A tensor of rank 0 repeats everywhere.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// The shape of the result: [4, 1, 3] and [2, 1] give [4, 2, 3]. Throws ShapeError, in the name of
// `op`: two sizes differ and neither is 1.
[[nodiscard]] Shape broadcast_shape(const Shape& a, const Shape& b, const char* op = "broadcast");

// a, b both f32 or both f64. Throw ShapeError. Quotients are those of IEEE 754: 1 / 0 is infinity.
[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor subtract(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor multiply(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor divide(const Tensor& a, const Tensor& b);

// factor x, the factor rounded to x's type. Throws ShapeError: not f32 or f64.
[[nodiscard]] Tensor scale(const Tensor& x, double factor);

// x repeated to `shape`. Throws ShapeError unless broadcasting x against `shape` gives `shape`.
[[nodiscard]] Tensor broadcast_to(const Tensor& x, const Shape& shape);

// The adjoint of broadcast_to, and so the other half of every gradient above: the sum of x over the
// axes on which a tensor of `shape` repeats to become x's shape. Throws ShapeError unless it does.
// Without such an axis the result shares x's storage.
[[nodiscard]] Tensor sum_to(const Tensor& x, const Shape& shape);

// sum += b, in place: for gradient accumulators, the one use where an operation writes its input.
// Requires that nobody else holds sum's storage. Throws ShapeError unless both have one shape.
void add_to(Tensor& sum, const Tensor& b);

}  // namespace rf
