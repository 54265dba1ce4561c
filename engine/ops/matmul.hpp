// Product of matrices, and of stacks of them: y[.., m, n] = sum_k a[.., m, k] b[.., k, n].
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// a [.., M, K] and b [.., K, N] with equal leading axes, or b [K, N] for every matrix of a -> [..,
// M, N]. Throws ShapeError.
[[nodiscard]] Shape matmul_out_shape(const Shape& a, const Shape& b);

// Both f32 or both f64. Without any k the product is 0. With dL/dy = gy the gradients are products
// too: dL/da = gy b^T, dL/db = a^T gy. Throws ShapeError.
[[nodiscard]] Tensor matmul(const Tensor& a, const Tensor& b);

// a^T b: a [K, M], b [K, N] -> [M, N]. Throws ShapeError.
[[nodiscard]] Tensor matmul_transposed(const Tensor& a, const Tensor& b);

}  // namespace rf
