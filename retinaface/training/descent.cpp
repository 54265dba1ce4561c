#include "retinaface/training/descent.hpp"

#include "autograd/finite.hpp"
#include "autograd/grad_norm.hpp"
#include "autograd/schedule.hpp"

namespace rf {

double descend(const ag::Var& loss, std::span<const ag::Parameter> parameters,
               ag::Optimizer& optimizer, const Descent& how) {
  loss.backward();
  (void)ag::judge_step(loss.value(), parameters, ag::OnNonFinite::stop);
  const double norm =
      how.clip > 0 ? ag::clip_grad_norm(parameters, how.clip) : ag::global_grad_norm(parameters);
  optimizer.step(how.learning_rate);
  optimizer.clear_grads();
  return norm;
}

double scalar_value(const ag::Var& loss) {
  const Tensor& value = loss.value();
  return value.numel() == 1 ? static_cast<double>(*value.data<float>()) : 0;
}

double StageRate::operator()(double share) const {
  return ag::CosineSchedule({.start = 0, .peak = peak, .end = end, .warm_up = warm_up, .total = 1})(
      share);
}

}  // namespace rf
