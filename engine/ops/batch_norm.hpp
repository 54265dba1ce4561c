// Batch normalisation (Ioffe and Szegedy 2015), inference form: y = gamma (x - mean) / sqrt(var +
// eps) + beta.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct BatchNormParams {
  double eps = 1e-5;
};

// x [N, C, ...]; gamma, beta, mean, var [C]. Gives the shape of x. Throws ShapeError.
[[nodiscard]] Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                const Tensor& mean, const Tensor& var,
                                const BatchNormParams& params = {});

}  // namespace rf
