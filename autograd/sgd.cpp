#include "autograd/sgd.hpp"

#include "engine/ops/run.hpp"

namespace rf::ag {

namespace {

template <class T>
struct SgdArgs {
  const T *w, *g, *v;
  T *new_w, *new_v;
  T rate, momentum, decay;
};

template <class T>
void sgd_rule(const SgdArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) {
    a.new_v[i] = a.momentum * a.v[i] + (a.g[i] + a.decay * a.w[i]);
    a.new_w[i] = a.w[i] - a.rate * a.new_v[i];
  }
}

}  // namespace

Sgd::Sgd(const std::vector<ParameterGroup>& groups, const SgdOptions& options)
    : Optimizer(groups, {"velocity"}), options_(options) {
  if (!(options.momentum >= 0 && options.momentum < 1))
    throw UsageError(message("sgd: momentum ", options.momentum, " is outside [0, 1)"));
}

Tensor Sgd::update(const Step& step, std::vector<Tensor>& buffers) const {
  const Tensor &w = step.weight, &v = buffers[0];
  Tensor new_w = Tensor::empty(w.shape(), w.dtype()), new_v = Tensor::empty(w.shape(), w.dtype());
  with_float_type(w, [&]<class T>(T) {
    const SgdArgs<T> args{.w = w.data<T>(),
                          .g = step.gradient.data<T>(),
                          .v = v.data<T>(),
                          .new_w = new_w.data<T>(),
                          .new_v = new_v.data<T>(),
                          .rate = static_cast<T>(step.learning_rate),
                          .momentum = static_cast<T>(options_.momentum),
                          .decay = static_cast<T>(step.weight_decay)};
    for_ranges(w.numel(), 1, [&](Index begin, Index end) { sgd_rule(args, begin, end); });
  });
  buffers[0] = new_v;
  return new_w;
}

}  // namespace rf::ag
