#include "layers/batch_norm2d.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "engine/world.hpp"

namespace rf {

namespace {

Tensor ones(Index count) {
  Tensor t = Tensor::empty({count});
  std::ranges::fill(t.span<float>(), 1.0F);
  return t;
}

// (1 - momentum) running + momentum scale batch, in the type of the batch.
template <class T>
Tensor moved(const Tensor& running, const Tensor& batch, double momentum, double scale) {
  const Tensor before = running.to(batch.dtype());
  Tensor after = Tensor::empty(batch.shape(), batch.dtype());
  for (Index c = 0; c < batch.numel(); ++c) {
    // A step that is not finite can be left out (autograd/finite.hpp); this could not be undone.
    if (!std::isfinite(batch.data<T>()[c])) {
      after.data<T>()[c] = before.data<T>()[c];
      continue;
    }
    after.data<T>()[c] = static_cast<T>((1 - momentum) * static_cast<double>(before.data<T>()[c]) +
                                        momentum * scale * static_cast<double>(batch.data<T>()[c]));
  }
  return after;
}

Tensor moved(const Tensor& running, const Tensor& batch, double momentum, double scale) {
  return batch.dtype() == DType::f64 ? moved<double>(running, batch, momentum, scale)
                                     : moved<float>(running, batch, momentum, scale);
}

}  // namespace

BatchNorm2d::BatchNorm2d(const BatchNorm2dOptions& options)
    : options_(options),
      gamma_(parameter("weight", {options.channels})),
      beta_(parameter("bias", {options.channels})),
      running_mean_(buffer("running_mean", Tensor::zeros({options.channels}))),
      running_var_(buffer("running_var", ones(options.channels))) {
  gamma_.set_value(ones(options.channels));
}

BatchNormParams BatchNorm2d::params() const {
  return {.eps = options_.eps, .slope = options_.activation.output_slope()};
}

void BatchNorm2d::check_count(const Shape& x) const {
  RF_CHECK_SHAPE(x.numel() * world().size() > options_.channels, "batch norm", "input ", x,
                 " has fewer than two values per channel to train on");
}

void BatchNorm2d::track(const BatchNormStats& stats, Index count) const {
  if (ag::recomputing()) return;
  const double all = static_cast<double>(count * world().size());
  const double unbiased = all / (all - 1);
  running_mean_.set_value(moved(running_mean_.value(), stats.mean, options_.momentum, 1));
  running_var_.set_value(moved(running_var_.value(), stats.var, options_.momentum, unbiased));
}

Var BatchNorm2d::forward(const Var& x) const {
  if (!training()) return ag::batch_norm(x, gamma_, beta_, running_mean_, running_var_, params());
  check_count(x.shape());
  BatchNormStats stats;
  Var y = ag::batch_norm_training(x, gamma_, beta_, params(), stats);
  track(stats, x.shape().numel() / options_.channels);
  return y;
}

Var BatchNorm2d::forward_after(const Conv2d& conv, const Var& x) const {
  if (!training()) return forward(conv.forward(x));
  check_count(conv2d_out_shape(x.shape(), conv.weight().shape(), conv.params()));
  BatchNormStats stats;
  Var y = ag::conv2d_batch_norm(x, conv.weight(), conv.bias(), gamma_, beta_,
                                {.conv = conv.params(), .norm = params()}, stats);
  track(stats, y.shape().numel() / options_.channels);
  return y;
}

}  // namespace rf
