// The axes of a tensor in another order: y's axis i is x's axis axes[i].
#pragma once

#include <span>

#include "engine/tensor.hpp"

namespace rf {

// Throws ShapeError unless `axes` holds each of 0 .. rank - 1 once.
[[nodiscard]] Shape permute_out_shape(const Shape& x, std::span<const int> axes);

// x of any element type. permute(x, {0, 2, 3, 1}) turns NCHW into NHWC.
[[nodiscard]] Tensor permute(const Tensor& x, std::span<const int> axes);

}  // namespace rf
