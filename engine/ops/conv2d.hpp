// Convolution (cross-correlation, as in every deep-learning framework):
//   y[n,k,i,j] = b[k] + sum_{c,u,v} w[k,c,u,v] x[n,c, i stride - pad + u dilation, j stride - pad +
//   v dilation]   (1)
// with zeros outside x. With groups, input and output channels are cut into that many equal parts
// and part g of the output sees part g of the input alone; groups = C is the depthwise convolution.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct Conv2dParams {
  Index stride = 1, pad = 0, dilation = 1, groups = 1;
};

// x [N, C, H, W], w [K, C / groups, kh, kw] -> [N, K, OH, OW], OH = (H + 2 pad - dilation (kh - 1)
// - 1) / stride + 1. The only judge of shapes. Throws ShapeError.
[[nodiscard]] Shape conv2d_out_shape(const Shape& x, const Shape& w, const Conv2dParams& params);

// Equation (1). b is [K], or has no elements for none. f32 or f64, all the same.
[[nodiscard]] Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b,
                            const Conv2dParams& params);

}  // namespace rf
