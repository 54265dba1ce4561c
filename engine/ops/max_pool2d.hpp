// Maximum over kernel x kernel windows: y[n,c,i,j] = max_{u,v} x[n,c, i stride - pad + u, j stride
// - pad + v]; positions outside x never win. A NaN in the window wins.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct MaxPool2dParams {
  Index kernel = 2, stride = 2, pad = 0;
};

// x [N, C, H, W], f32 or f64 -> [N, C, OH, OW], OH = (H + 2 pad - kernel) / stride + 1. Throws
// ShapeError: pad above kernel / 2 (a window might see nothing), a window larger than the padded
// input.
[[nodiscard]] Shape max_pool2d_out_shape(const Shape& x, const MaxPool2dParams& params);
[[nodiscard]] Tensor max_pool2d(const Tensor& x, const MaxPool2dParams& params);

// dL/dx, given gy = dL/dy and the input x: each element of gy goes to the maximum of its window,
// the first of equal ones in row-major order (of several NaN the last). Throws ShapeError.
[[nodiscard]] Tensor max_pool2d_grad(const Tensor& gy, const Tensor& x,
                                     const MaxPool2dParams& params);

}  // namespace rf
