// Fully connected layer: y[n,k] = b[k] + sum_c w[k,c] x[n,c].
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// x [N, C], w [K, C], b [K] or without elements for none; f32 or f64, all the same -> [N, K].
// Throws ShapeError.
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b);

}  // namespace rf
