// Softmax cross-entropy of every row of logits with the number of its class:
//   y[r] = -log softmax(x[r])[label[r]] = log sum_c exp(x[r,c]) - x[r,label[r]].
// A row with the label -1 is masked: its loss is 0 and so is its gradient, whatever it holds.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// [R, C] and [R] -> [R]. Throws ShapeError: another rank, no class, another number of labels.
[[nodiscard]] Shape softmax_cross_entropy_out_shape(const Shape& x, const Shape& labels);

// x [R, C], f32 or f64; labels [R], i64, each -1 or a class in [0, C). Throws ShapeError; a label
// that is neither is named with its row.
[[nodiscard]] Tensor softmax_cross_entropy(const Tensor& x, const Tensor& labels);

// dL/dx [R, C], given gy = dL/dy [R]:  gx[r,c] = gy[r] (softmax(x[r])[c] - [c = label[r]]).
// Throws ShapeError.
[[nodiscard]] Tensor softmax_cross_entropy_grad(const Tensor& gy, const Tensor& x,
                                                const Tensor& labels);

}  // namespace rf
