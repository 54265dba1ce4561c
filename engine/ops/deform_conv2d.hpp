// Deformable convolution (Dai et al. 2017, equation (2)), with a mask version 2 of it (Zhu et al.
// 2019, equation (1)): each tap of a convolution reads at a place of its own for every output
// pixel,
//   y[n,k,i,j] = b[k] + sum_{c,u,v} w[k,c,u,v] m[n,d,r,i,j]
//                                    x[n,c, i stride - pad + u dilation + dy,
//                                           j stride - pad + v dilation + dx]  (1)
// with tap r = u kw + v and the offsets dy = o[n, (d kh kw + r) 2, i, j], dx = o[n, (d kh kw + r) 2
// + 1, i, j]. Between pixels x is the bilinear mean of the four around, outside of the image 0. The
// channels are cut into deform_groups equal parts; those of part d share its offsets and mask. An
// offset that is not a number makes the outputs that use it NaN. RetinaFace section 3.1 has it in
// the lateral connections and context modules. docs/ops/deform_conv2d.md derives the gradients.
#pragma once

#include "engine/ops/conv2d.hpp"

namespace rf {

struct DeformConv2dParams {
  Conv2dParams conv;
  Index deform_groups = 1;
};

// What (1) reads. mask and b may have no elements: 1 and 0.
struct DeformConv2dInputs {
  Tensor x;       // [N, C, H, W]
  Tensor offset;  // [N, 2 deform_groups kh kw, OH, OW]
  Tensor mask;    // [N, deform_groups kh kw, OH, OW]
  Tensor w;       // [K, C / groups, kh, kw]
  Tensor b;       // [K]
};

// [N, K, OH, OW], as conv2d_out_shape. f32 or f64, all the same. Throws ShapeError.
[[nodiscard]] Tensor deform_conv2d(const DeformConv2dInputs& in, const DeformConv2dParams& params);

// The gradients of (1), given gy = dL/dy; of b it is conv2d_grad_bias. With places that lie on
// pixels, where (1) has a kink, the offsets' gradients are those of the pixels right and below.
// Those that are not wanted have no elements; so has mask without one. Throws ShapeError.
struct DeformConv2dGrads {
  Tensor x, offset, mask, w;
};
struct DeformConv2dWanted {
  bool x = true, offset = true, w = true;  // offset: and mask
};
[[nodiscard]] DeformConv2dGrads deform_conv2d_grad(const Tensor& gy, const DeformConv2dInputs& in,
                                                   const DeformConv2dParams& params,
                                                   const DeformConv2dWanted& wanted = {});

}  // namespace rf
