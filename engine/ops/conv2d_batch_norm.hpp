// Convolution, batch norm with the statistics of the batch, and activation: one training block. The
// same equations as conv2d.hpp (1) and batch_norm.hpp (1) one after the other, but a few images at
// a time where that is possible, so that what one writes is still in the cache when the other reads
// it: the convolution's output for its moments, and dL/d that output for the convolution's
// gradients, which is never in memory for the whole batch.
#pragma once

#include "engine/ops/batch_norm.hpp"
#include "engine/ops/conv2d.hpp"

namespace rf {

struct Conv2dBatchNormParams {
  Conv2dParams conv;
  BatchNormParams norm;
};

struct Conv2dBatchNormResult {
  Tensor y;
  Tensor convolved;      // the convolution's output, which the gradient needs
  BatchNormStats stats;  // its mean and variance
};

// x [N, C, H, W], w and b as for conv2d, gamma and beta [K]. Throws ShapeError.
[[nodiscard]] Conv2dBatchNormResult conv2d_batch_norm(const Tensor& x, const Tensor& w,
                                                      const Tensor& b, const Tensor& gamma,
                                                      const Tensor& beta,
                                                      const Conv2dBatchNormParams& params);

// Which gradients are wanted.
struct Conv2dBatchNormWanted {
  bool x = true, w = true, b = true;
};

struct Conv2dBatchNormGrads {
  Tensor x, w, b;  // without elements where not wanted
  Tensor gamma, beta;
};

// Gradients, given gy = dL/dy. Throws ShapeError.
[[nodiscard]] Conv2dBatchNormGrads conv2d_batch_norm_grad(
    const Tensor& gy, const Tensor& x, const Tensor& w, const Tensor& gamma, const Tensor& beta,
    const Tensor& convolved, const BatchNormStats& stats, const Conv2dBatchNormParams& params,
    const Conv2dBatchNormWanted& wanted);

}  // namespace rf
