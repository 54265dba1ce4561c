// Nearest-neighbour resampling: y[n,c,i,j] = x[n,c,si,sj], where
//   scale = 0: si = floor(i H / OH), sj = floor(j W / OW), as PyTorch's interpolate(size=...) does;
//   scale = s: si = floor(i / s), sj = floor(j / s): magnified by s, what exceeds OH x OW cut off,
//   as MXNet's
//              UpSampling followed by Crop does. The two differ where a size is odd.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct UpsampleNearestParams {
  Index out_h = 1, out_w = 1;
  Index scale = 0;
};

// x [N, C, H, W] -> [N, C, out_h, out_w]. Throws ShapeError: an empty plane, sizes below 1, or H
// scale < out_h.
[[nodiscard]] Shape upsample_nearest_out_shape(const Shape& x, const UpsampleNearestParams& params);
[[nodiscard]] Tensor upsample_nearest(const Tensor& x, const UpsampleNearestParams& params);

}  // namespace rf
