// Convolution (cross-correlation, as in every deep-learning framework):
//   y[n,k,i,j] = b[k] + sum_{c,u,v} w[k,c,u,v] x[n,c, i stride - pad + u dilation, j stride - pad +
//   v dilation]   (1)
// with zeros outside x. With groups, input and output channels are cut into that many equal parts
// and part g of the output sees part g of the input alone; groups = C is the depthwise convolution.
#pragma once

#include "engine/kernels/args.hpp"
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

// Gradients of (1), given gy = dL/dy of conv2d's output shape. `x` and `w` are the shapes (or
// values) of the forward call. Throw ShapeError.
//   dL/dx[n,c,r,s]   = sum over all (k,i,j,u,v) that read x[n,c,r,s] of w[k,c,u,v] gy[n,k,i,j]
//   dL/dw[k,c,u,v]   = sum_{n,i,j} gy[n,k,i,j] x[n,c, i stride - pad + u dilation,
//                                                j stride - pad + v dilation]
//   dL/db[k]         = sum_{n,i,j} gy[n,k,i,j]
[[nodiscard]] Tensor conv2d_grad_input(const Tensor& gy, const Tensor& w, const Shape& x,
                                       const Conv2dParams& params);
[[nodiscard]] Tensor conv2d_grad_weight(const Tensor& gy, const Tensor& x, const Shape& w,
                                        const Conv2dParams& params);
[[nodiscard]] Tensor conv2d_grad_bias(const Tensor& gy);

// Which tap reads which pixel, for kernels. Throws ShapeError.
[[nodiscard]] Conv2dGeometry conv2d_geometry(const Shape& x, const Shape& w,
                                             const Conv2dParams& params);

namespace detail {
// The convolution that `geometry` describes, into all of y. Requires shapes that fit it.
void run_conv2d(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y,
                const Conv2dGeometry& geometry);
// conv2d_grad_input into gx, of the input's shape.
void run_conv2d_grad_input(const Tensor& gy, const Tensor& w, const Conv2dParams& params,
                           Tensor& gx);
}  // namespace detail

}  // namespace rf
