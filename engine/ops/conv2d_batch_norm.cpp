#include "engine/ops/conv2d_batch_norm.hpp"

#include <algorithm>

#include "engine/ops/arithmetic.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

// Images whose values, about 4 MiB, stay in a last-level cache for a pass or two.
Index images_at_once(const Tensor& t) {
  const Index image = t.bytes() / t.shape()[0];
  return std::clamp<Index>((Index{4} << 20) / std::max<Index>(image, 1), 1, t.shape()[0]);
}

// f(first, last) for groups of images.
template <class F>
void for_groups(const Tensor& t, F&& f) {
  const Index step = images_at_once(t);
  for (Index n = 0; n < t.shape()[0]; n += step) f(n, std::min(n + step, t.shape()[0]));
}

void add_part(Tensor& sum, const Tensor& part) {
  if (sum.numel() == 0)
    sum = part;
  else
    add_to(sum, part);
}

}  // namespace

Conv2dBatchNormResult conv2d_batch_norm(const Tensor& x, const Tensor& w, const Tensor& b,
                                        const Tensor& gamma, const Tensor& beta,
                                        const Conv2dBatchNormParams& params) {
  const Shape out = conv2d_out_shape(x.shape(), w.shape(), params.conv);
  check_same_dtype("conv2d_batch_norm", {&x, &w, b.numel() ? &b : nullptr, &gamma, &beta});
  RF_CHECK_SHAPE(b.numel() == 0 || b.shape() == Shape{out[1]}, "conv2d_batch_norm", "bias ",
                 b.shape(), " must be [", out[1], "]");
  RF_CHECK_SHAPE(out.numel() > 0, "conv2d_batch_norm", "output ", out,
                 " has no elements to take a mean of");
  const Conv2dGeometry geometry = conv2d_geometry(x.shape(), w.shape(), params.conv);
  Tensor convolved = Tensor::empty(out, x.dtype());
  detail::PlaneSums moments(out[0] * out[1]);
  for_groups(convolved, [&](Index first, Index last) {
    Tensor part = convolved.rows(first, last);
    detail::run_conv2d(x.rows(first, last), w, b, part, geometry);
    detail::batch_norm_moments(part, moments, first * out[1]);
  });
  const BatchNormStats stats = detail::batch_norm_join(moments, convolved);
  return {batch_norm(convolved, gamma, beta, stats.mean, stats.var, params.norm), convolved, stats};
}

Conv2dBatchNormGrads conv2d_batch_norm_grad(const Tensor& gy, const Tensor& x, const Tensor& w,
                                            const Tensor& gamma, const Tensor& beta,
                                            const Tensor& convolved, const BatchNormStats& stats,
                                            const Conv2dBatchNormParams& params,
                                            const Conv2dBatchNormWanted& wanted) {
  RF_CHECK_SHAPE(convolved.shape() == conv2d_out_shape(x.shape(), w.shape(), params.conv),
                 "conv2d_batch_norm gradient", "the convolution's output ", convolved.shape(),
                 " does not belong to input ", x.shape(), " and weight ", w.shape());
  check_same_dtype("conv2d_batch_norm gradient", {&gy, &x, &w});
  const detail::BatchNormGradient norm(gy, convolved, gamma, beta, stats, BatchNormMode::batch,
                                       params.norm);
  Conv2dBatchNormGrads grads{.x = wanted.x ? Tensor::empty(x.shape(), x.dtype()) : Tensor(),
                             .w = {},
                             .b = {},
                             .gamma = norm.gamma,
                             .beta = norm.beta};
  const Index step = images_at_once(convolved);
  Tensor buffer = Tensor::empty(convolved.shape().with(0, step), convolved.dtype());
  for_groups(convolved, [&](Index first, Index last) {
    Tensor g = buffer.rows(0, last - first);
    norm.apply(gy.rows(first, last), convolved.rows(first, last), g);
    if (wanted.w) {
      add_part(grads.w, conv2d_grad_weight(g, x.rows(first, last), w.shape(), params.conv));
    }
    if (wanted.b) add_part(grads.b, conv2d_grad_bias(g));
    if (wanted.x) {
      Tensor gx = grads.x.rows(first, last);
      detail::run_conv2d_grad_input(g, w, params.conv, gx);
    }
  });
  return grads;
}

}  // namespace rf
