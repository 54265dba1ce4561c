// Nearest-neighbour resampling: y[n,c,i,j] = x[n,c, floor(i H / OH), floor(j W / OW)].
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct UpsampleNearestParams {
  Index out_h = 1, out_w = 1;
};

// x [N, C, H, W] -> [N, C, out_h, out_w]. Throws ShapeError: an empty plane, sizes below 1.
[[nodiscard]] Shape upsample_nearest_out_shape(const Shape& x, const UpsampleNearestParams& params);
[[nodiscard]] Tensor upsample_nearest(const Tensor& x, const UpsampleNearestParams& params);

// dL/dx for an input of shape `x`, given gy = dL/dy [N, C, OH, OW], f32 or f64: the sum of gy over
// the positions that took their value from that element. Throws ShapeError.
[[nodiscard]] Tensor upsample_nearest_grad(const Tensor& gy, const Shape& x);

}  // namespace rf
