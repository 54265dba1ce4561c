// Batch normalisation (Ioffe and Szegedy 2015), and the activation that follows it in one pass:
//   z = gamma (x - mean) / sqrt(var + eps) + beta,   y = z for z > 0, slope z otherwise, (1)
// per channel. In training mean and var are those of the batch (batch_norm_stats) and depend on x;
// in inference they are running averages and do not.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct BatchNormParams {
  double eps = 1e-5;
  double slope = 1;  // 1: no activation (y = z), 0: ReLU, between: LeakyReLU
};

// x [N, C, ...]; gamma, beta, mean, var [C], all f32 or all f64. Gives (1), of the shape of x.
// Throws ShapeError.
[[nodiscard]] Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                const Tensor& mean, const Tensor& var,
                                const BatchNormParams& params = {});

struct BatchNormStats {
  Tensor mean, var;  // [C]; var is the mean squared deviation, divided by the count M, not M - 1
};

// Over all M elements of each channel of x [N, C, ...]. Throws ShapeError: an x without elements.
[[nodiscard]] BatchNormStats batch_norm_stats(const Tensor& x);

// Whether mean and var were taken from x itself, so that the gradient flows through them too.
enum class BatchNormMode { batch, running };

struct BatchNormGrads {
  Tensor x, gamma, beta;
};

// Gradients of (1), given gy = dL/dy. With u = (x - mean) / sqrt(var + eps) and gz = dL/dz = gy for
// z > 0, slope gy otherwise:
//   dL/dbeta = sum gz,   dL/dgamma = sum gz u,
//   dL/dx = gamma / sqrt(var + eps) (gz - [batch] (dL/dbeta + u dL/dgamma) / M).
// Throws ShapeError.
[[nodiscard]] BatchNormGrads batch_norm_grad(const Tensor& gy, const Tensor& x, const Tensor& gamma,
                                             const Tensor& beta, const BatchNormStats& stats,
                                             BatchNormMode mode,
                                             const BatchNormParams& params = {});

}  // namespace rf
