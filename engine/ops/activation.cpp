#include "engine/ops/activation.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/unary.hpp"

namespace rf {

namespace {

void check_alpha(const EluParams& params) {
  RF_CHECK_SHAPE(params.alpha >= 0, "elu", "alpha ", params.alpha, " must be 0 or more");
}

}  // namespace

Tensor relu(const Tensor& x) {
  return unary<ReluArgs>("relu", x, kernels().relu, reference::relu<double>);
}

Tensor leaky_relu(const Tensor& x, const LeakyReluParams& params) {
  return unary<LeakyReluArgs>("leaky_relu", x, kernels().leaky_relu, reference::leaky_relu<double>,
                              params.slope);
}

Tensor elu(const Tensor& x, const EluParams& params) {
  check_alpha(params);
  return unary<EluArgs>("elu", x, kernels().elu, reference::elu<double>, params.alpha);
}

Tensor sigmoid(const Tensor& x) {
  return unary<UnaryArgs>("sigmoid", x, kernels().sigmoid, reference::sigmoid<double>);
}

Tensor tanh(const Tensor& x) {
  return unary<UnaryArgs>("tanh", x, reference::hyperbolic_tangent<float>,
                          reference::hyperbolic_tangent<double>);
}

Tensor relu_grad(const Tensor& gy, const Tensor& y) {
  return unary_grad<LeakyReluGradArgs>("relu gradient", gy, y, kernels().leaky_relu_grad,
                                       reference::leaky_relu_grad<double>, 0.0);
}

Tensor leaky_relu_grad(const Tensor& gy, const Tensor& y, const LeakyReluParams& params) {
  return unary_grad<LeakyReluGradArgs>("leaky_relu gradient", gy, y, kernels().leaky_relu_grad,
                                       reference::leaky_relu_grad<double>, params.slope);
}

Tensor elu_grad(const Tensor& gy, const Tensor& y, const EluParams& params) {
  check_alpha(params);
  return unary_grad<EluGradArgs>("elu gradient", gy, y, kernels().elu_grad,
                                 reference::elu_grad<double>, params.alpha);
}

Tensor sigmoid_grad(const Tensor& gy, const Tensor& y) {
  return unary_grad<UnaryGradArgs>("sigmoid gradient", gy, y, reference::sigmoid_grad<float>,
                                   reference::sigmoid_grad<double>);
}

Tensor tanh_grad(const Tensor& gy, const Tensor& y) {
  return unary_grad<UnaryGradArgs>("tanh gradient", gy, y,
                                   reference::hyperbolic_tangent_grad<float>,
                                   reference::hyperbolic_tangent_grad<double>);
}

}  // namespace rf
