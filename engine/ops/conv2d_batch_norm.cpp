#include "engine/ops/conv2d_batch_norm.hpp"

#include <exception>
#include <vector>

#include "engine/ops/arithmetic.hpp"
#include "engine/ops/run.hpp"
#include "engine/parallel.hpp"

namespace rf {

namespace {

// f(first, last) for parts of the batch. With an image for every thread each is a part, and one
// thread takes it through all that f does, so that it stays in that core's cache; else the batch is
// one part, whose operations share the threads. What is computed is the same. Throws what f throws.
template <class F>
void for_parts(Index images, F&& f) {
  if (images < thread_count()) return f(Index{0}, images);
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(images));
  parallel_for(images, [&](Index n) {
    try {
      f(n, n + 1);
    } catch (...) {
      errors[static_cast<std::size_t>(n)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

// Gradients of single images, added in the order of the images.
Tensor sum_of(const std::vector<Tensor>& parts) {
  Tensor sum = parts[0].clone();
  for (std::size_t i = 1; i < parts.size(); ++i) add_to(sum, parts[i]);
  return sum;
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
  for_parts(out[0], [&](Index first, Index last) {
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
  const Index images = x.shape()[0];
  std::vector<Tensor> w_parts(static_cast<std::size_t>(images)), b_parts(w_parts.size());
  for_parts(images, [&](Index first, Index last) {
    Tensor g = Tensor::empty(convolved.shape().with(0, last - first), convolved.dtype());
    norm.apply(gy.rows(first, last), convolved.rows(first, last), g);
    // Image by image in either case, so that the sums are the same.
    for (Index n = first; n < last; ++n) {
      const Tensor g_n = g.rows(n - first, n - first + 1), x_n = x.rows(n, n + 1);
      const auto i = static_cast<std::size_t>(n);
      if (wanted.w) w_parts[i] = conv2d_grad_weight(g_n, x_n, w.shape(), params.conv);
      if (wanted.b) b_parts[i] = conv2d_grad_bias(g_n);
    }
    if (wanted.x) {
      Tensor gx = grads.x.rows(first, last);
      detail::run_conv2d_grad_input(g, w, params.conv, gx);
    }
  });
  if (wanted.w) grads.w = sum_of(w_parts);
  if (wanted.b) grads.b = sum_of(b_parts);
  return grads;
}

}  // namespace rf
