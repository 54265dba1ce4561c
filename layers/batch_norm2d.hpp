// Batch normalisation over the channels of [N, C, H, W] (Ioffe and Szegedy 2015), with running
// statistics, and the activation that follows it.
#pragma once

#include "engine/ops/batch_norm.hpp"
#include "layers/activation.hpp"
#include "layers/conv2d.hpp"
#include "layers/module.hpp"

namespace rf {

struct BatchNorm2dOptions {
  Index channels;
  double eps = 1e-5;
  Activation activation{};
  double momentum = 0.1;  // of the running statistics: the share of the newest batch
};

// Parameters weight (gamma, at first 1) and bias (beta, 0), buffers running_mean (0) and
// running_var (1), all [channels].
class BatchNorm2d final : public Module {
 public:
  explicit BatchNorm2d(const BatchNorm2dOptions& options);

  // Training: normalised by the batch's own statistics, and the running ones move towards them,
  //   running = (1 - momentum) running + momentum batch,
  // where the batch's variance is divided by the count less one. Once per forward pass: a
  // repetition (ag::recomputing()) does not move them. Otherwise: normalised by the running ones.
  // Throws ShapeError: training on one value per channel, which has no variance.
  [[nodiscard]] Var forward(const Var& x) const;

  // forward(conv.forward(x)), in fewer passes over memory when training.
  [[nodiscard]] Var forward_after(const Conv2d& conv, const Var& x) const;

 private:
  [[nodiscard]] BatchNormParams params() const;
  void check_count(const Shape& x) const;
  void track(const BatchNormStats& stats, Index count) const;

  BatchNorm2dOptions options_;
  Var gamma_, beta_;
  mutable Var running_mean_, running_var_;  // the buffers a forward pass in training writes
};

}  // namespace rf
