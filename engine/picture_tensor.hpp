// A picture as the tensor that a network reads.
#pragma once

#include "engine/kernels/args.hpp"
#include "engine/tensor.hpp"

namespace rf {

// PictureInput's values into `out`, f32 [1, 3, H, W] of at least its size. Throws ShapeError.
void fill_picture_tensor(const PictureInput& picture, Tensor& out);

}  // namespace rf
