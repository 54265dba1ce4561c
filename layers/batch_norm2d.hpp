// Batch normalisation over the channels of [N, C, H, W] (Ioffe and Szegedy 2015), with running
// statistics.
#pragma once

#include "engine/ops/batch_norm.hpp"
#include "layers/module.hpp"

namespace rf {

// Parameters weight (gamma) and bias (beta), buffers running_mean and running_var, all [channels].
class BatchNorm2d final : public Module {
 public:
  BatchNorm2d(Index channels, double eps);
  [[nodiscard]] Var forward(const Var& x) const;

 private:
  BatchNormParams params_;
  Var gamma_, beta_, running_mean_, running_var_;
};

}  // namespace rf
