#include "layers/batch_norm2d.hpp"

#include <algorithm>

#include "autograd/ops.hpp"

namespace rf {

namespace {

Tensor ones(Index count) {
  Tensor t = Tensor::empty({count});
  std::ranges::fill(t.span<float>(), 1.0F);
  return t;
}

}  // namespace

BatchNorm2d::BatchNorm2d(Index channels, double eps)
    : params_{.eps = eps},
      gamma_(parameter("weight", {channels})),
      beta_(parameter("bias", {channels})),
      running_mean_(buffer("running_mean", Tensor::zeros({channels}))),
      running_var_(buffer("running_var", ones(channels))) {
  gamma_.set_value(ones(channels));
}

Var BatchNorm2d::forward(const Var& x) const {
  return ag::batch_norm(x, gamma_, beta_, running_mean_, running_var_, params_);
}

}  // namespace rf
