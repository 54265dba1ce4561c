// Activations, element by element:
//   relu(x) = max(x, 0),
//   leaky_relu(x) = x for x > 0, slope x otherwise,
//   elu(x) = x for x > 0, alpha (e^x - 1) otherwise (Clevert, Unterthiner and Hochreiter 2016),
//   sigmoid(x) = 1 / (1 + e^-x),
//   tanh(x) = (e^x - e^-x) / (e^x + e^-x).
// Each gradient is computed from the output y, so that the input need not be kept.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct LeakyReluParams {
  double slope = 0.1;
};

struct EluParams {
  double alpha = 1;  // 0 or more: the gradient takes the sign of x from y
};

// x of any shape, f32 or f64; gives the shape of x. A NaN stays a NaN. No x overflows, small ones
// keep their digits. Throw ShapeError.
[[nodiscard]] Tensor relu(const Tensor& x);
[[nodiscard]] Tensor leaky_relu(const Tensor& x, const LeakyReluParams& params = {});
[[nodiscard]] Tensor elu(const Tensor& x, const EluParams& params = {});
[[nodiscard]] Tensor sigmoid(const Tensor& x);
[[nodiscard]] Tensor tanh(const Tensor& x);

// dL/dx, given gy = dL/dy and y of one shape and type. relu: gy for y > 0, exactly 0 otherwise,
// whatever gy is there. leaky_relu: gy for y > 0, slope gy otherwise; with a negative slope the
// sign of y is not that of x: give x in place of y. elu: gy for y > 0, (y + alpha) gy otherwise.
// sigmoid: y (1 - y) gy. tanh: (1 - y^2) gy. At the kinks (x = 0): the derivative from the left.
// Throw ShapeError.
[[nodiscard]] Tensor relu_grad(const Tensor& gy, const Tensor& y);
[[nodiscard]] Tensor leaky_relu_grad(const Tensor& gy, const Tensor& y,
                                     const LeakyReluParams& params = {});
[[nodiscard]] Tensor elu_grad(const Tensor& gy, const Tensor& y, const EluParams& params = {});
[[nodiscard]] Tensor sigmoid_grad(const Tensor& gy, const Tensor& y);
[[nodiscard]] Tensor tanh_grad(const Tensor& gy, const Tensor& y);

}  // namespace rf
