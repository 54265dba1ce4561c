#include "autograd/adam.hpp"

#include <cmath>
#include <utility>

#include "engine/ops/run.hpp"

namespace rf::ag {

namespace {

template <class T>
struct AdamArgs {
  const T *w, *g, *m, *v;
  T *new_w, *new_m, *new_v;
  T decay, beta1, rest1, beta2, rest2, eps;  // rest = 1 - beta
  T rate;                                    // r / (1 - b1^t)
  T root;                                    // sqrt(1 - b2^t)
};

template <class T>
void adam_rule(const AdamArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) {
    const T g = a.g[i] + a.decay * a.w[i];
    a.new_m[i] = a.beta1 * a.m[i] + a.rest1 * g;
    a.new_v[i] = a.beta2 * a.v[i] + a.rest2 * (g * g);
    a.new_w[i] = a.w[i] - a.rate * a.new_m[i] / (std::sqrt(a.new_v[i]) / a.root + a.eps);
  }
}

// base^n by squaring: the C library's pow differs between CPUs.
double power(double base, Index n) {
  double result = 1;
  for (; n > 0; n /= 2, base *= base) {
    if (n % 2) result *= base;
  }
  return result;
}

}  // namespace

Adam::Adam(const std::vector<ParameterGroup>& groups, const AdamOptions& options)
    : Optimizer(groups, {"mean", "square"}), options_(options) {
  for (const double beta : {options.beta1, options.beta2}) {
    if (!(beta >= 0 && beta < 1)) throw UsageError(message("adam: beta ", beta, " outside [0, 1)"));
  }
  if (!(options.eps >= 1e-37 && std::isfinite(options.eps)))  // in float too, 0 / eps must be 0
    throw UsageError(message("adam: eps ", options.eps, " must be 1e-37 or more, and finite"));
}

Tensor Adam::update(const Step& step, std::vector<Tensor>& buffers) const {
  const Tensor& w = step.weight;
  const auto fresh = [&] { return Tensor::empty(w.shape(), w.dtype()); };
  Tensor new_w = fresh(), new_m = fresh(), new_v = fresh();
  const double beta1 = options_.beta1, beta2 = options_.beta2;
  const double rate = step.learning_rate / (1 - power(beta1, step.number));
  const double root = std::sqrt(1 - power(beta2, step.number));
  with_float_type(w, [&]<class T>(T) {
    const AdamArgs<T> args{.w = w.data<T>(),
                           .g = step.gradient.data<T>(),
                           .m = std::as_const(buffers[0]).data<T>(),
                           .v = std::as_const(buffers[1]).data<T>(),
                           .new_w = new_w.data<T>(),
                           .new_m = new_m.data<T>(),
                           .new_v = new_v.data<T>(),
                           .decay = static_cast<T>(step.weight_decay),
                           .beta1 = static_cast<T>(beta1),
                           .rest1 = static_cast<T>(1 - beta1),
                           .beta2 = static_cast<T>(beta2),
                           .rest2 = static_cast<T>(1 - beta2),
                           .eps = static_cast<T>(options_.eps),
                           .rate = static_cast<T>(rate),
                           .root = static_cast<T>(root)};
    for_ranges(w.numel(), 1, [&](Index begin, Index end) { adam_rule(args, begin, end); });
  });
  buffers = {new_m, new_v};
  return new_w;
}

}  // namespace rf::ag
