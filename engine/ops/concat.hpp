// Tensors laid one after another along one axis.
#pragma once

#include <span>

#include "engine/tensor.hpp"

namespace rf {

// The shape of the result: the sizes along `axis` add up, all others must agree. Throws ShapeError:
// no part, an axis outside [0, rank), parts that differ elsewhere.
[[nodiscard]] Shape concat_out_shape(std::span<const Tensor> parts, int axis);

// Parts of one element type, any of them. Throws ShapeError.
[[nodiscard]] Tensor concat(std::span<const Tensor> parts, int axis);

}  // namespace rf
