// Activations, element by element: relu(x) = max(x, 0); leaky_relu(x) = x for x > 0, slope x
// otherwise.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct LeakyReluParams {
  double slope = 0.1;
};

// x of any shape, f32 or f64; gives the shape of x. A NaN stays a NaN. Throw ShapeError.
[[nodiscard]] Tensor relu(const Tensor& x);
[[nodiscard]] Tensor leaky_relu(const Tensor& x, const LeakyReluParams& params = {});

}  // namespace rf
