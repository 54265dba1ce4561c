// Bilinear interpolation with pixel centres at half-integers (align_corners = false of other
// frameworks):
//   s = max((i + 0.5) H / OH - 0.5, 0), y = (1 - frac s) x[floor s] + frac s x[min(floor s + 1, H -
//   1)], per axis.
// No antialiasing: shrinking by more than 2 skips pixels (engine/image_resize.hpp is for pictures).
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct ResizeBilinearParams {
  Index out_h = 1, out_w = 1;
};

// x [N, C, H, W], f32 or f64 -> [N, C, out_h, out_w]. Throws ShapeError: an empty plane, sizes
// below 1.
[[nodiscard]] Shape resize_bilinear_out_shape(const Shape& x, const ResizeBilinearParams& params);
[[nodiscard]] Tensor resize_bilinear(const Tensor& x, const ResizeBilinearParams& params);

// dL/dx for an input of shape `x`, given gy = dL/dy [N, C, OH, OW]: the transpose of the above.
// Throws ShapeError.
[[nodiscard]] Tensor resize_bilinear_grad(const Tensor& gy, const Shape& x);

}  // namespace rf
