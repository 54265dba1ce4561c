#include "engine/ops/exp_log.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/ops/unary.hpp"

namespace rf {

Tensor exp(const Tensor& x) {
  return unary<UnaryArgs>("exp", x, reference::exponential<float>, reference::exponential<double>);
}

Tensor log(const Tensor& x) {
  return unary<UnaryArgs>("log", x, reference::logarithm<float>, reference::logarithm<double>);
}

Tensor exp_grad(const Tensor& gy, const Tensor& y) {
  return unary_grad<UnaryGradArgs>("exp gradient", gy, y, reference::exponential_grad<float>,
                                   reference::exponential_grad<double>);
}

Tensor log_grad(const Tensor& gy, const Tensor& x) {
  return unary_grad<UnaryGradArgs>("log gradient", gy, x, reference::logarithm_grad<float>,
                                   reference::logarithm_grad<double>);
}

}  // namespace rf
