// Batch normalisation (Ioffe and Szegedy 2015), and the activation that follows it in one pass:
//   z = gamma (x - mean) / sqrt(var + eps) + beta,   y = z for z > 0, slope z otherwise, (1)
// per channel. In training mean and var are those of the batch (batch_norm_stats) and depend on x;
// in inference they are running averages and do not.
#pragma once

#include <vector>

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

// Over all M elements of each channel of x [N, C, ...], of every process (engine/world.hpp), which
// have as many. Throws ShapeError: an x without elements.
[[nodiscard]] BatchNormStats batch_norm_stats(const Tensor& x);

// Whether mean and var were taken from x itself, so that the gradient flows through them too.
enum class BatchNormMode { batch, running };

struct BatchNormGrads {
  Tensor x, gamma, beta;
};

// Gradients of (1), given gy = dL/dy. With u = (x - mean) / sqrt(var + eps) and gz = dL/dz = gy for
// z > 0, slope gy otherwise:
//   dL/dbeta = sum gz,   dL/dgamma = sum gz u,
//   dL/dx = gamma / sqrt(var + eps) (gz - [batch] (dL/dbeta + u dL/dgamma) / M),
// dL/dbeta and dL/dgamma there of every process together, as results this process's part.
// Throws ShapeError.
[[nodiscard]] BatchNormGrads batch_norm_grad(const Tensor& gy, const Tensor& x, const Tensor& gamma,
                                             const Tensor& beta, const BatchNormStats& stats,
                                             BatchNormMode mode,
                                             const BatchNormParams& params = {});

// The same in parts, for operations that go through a batch a few images at a time
// (conv2d_batch_norm.hpp).
namespace detail {

// Whether dL/dgamma and dL/dbeta are wanted. With running statistics nothing else needs their sums.
enum class BatchNormSums { wanted, only_if_needed };

struct PlaneSums {
  explicit PlaneSums(Index planes)
      : first(static_cast<std::size_t>(planes)), second(static_cast<std::size_t>(planes)) {}
  std::vector<double> first, second;  // per plane of the whole batch
};

// Mean and squared deviations of each plane of x, which are planes first_plane .. of the batch.
void batch_norm_moments(const Tensor& x, PlaneSums& moments, Index first_plane);
// Of the whole batch; `x` has its shape and type.
[[nodiscard]] BatchNormStats batch_norm_join(const PlaneSums& moments, const Tensor& x);

// Goes through gy and x once; dL/dx of any of the images can then be computed on its own.
class BatchNormGradient {
 public:
  BatchNormGradient(const Tensor& gy, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                    const BatchNormStats& stats, BatchNormMode mode, const BatchNormParams& params,
                    BatchNormSums sums = BatchNormSums::wanted);

  Tensor gamma, beta;  // dL/dgamma, dL/dbeta; 0 where they were not wanted

  // gx = dL/dx for some images of the batch.
  void apply(const Tensor& gy, const Tensor& x, Tensor& gx) const;

 private:
  Tensor gamma_value_, beta_value_;
  BatchNormStats stats_;
  BatchNormParams params_;
  Tensor coefficients_;  // [3, C]: dL/dx = a dL/dz + b x + c
};

}  // namespace detail

}  // namespace rf
