#include "engine/ops/batch_norm.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

// With running statistics, which are constants.
struct BatchNormNode final : Node {
  BatchNormParams params;
  explicit BatchNormNode(const BatchNormParams& p) : params(p) {}
  const char* name() const override { return "batch_norm"; }
  Attributes attributes() const override { return {{"eps", params.eps}, {"slope", params.slope}}; }
  void backward(const Tensor& gy) override {
    const BatchNormGrads grads =
        batch_norm_grad(gy, input(0).value(), input(1).value(), input(2).value(),
                        {input(3).value(), input(4).value()}, BatchNormMode::running, params);
    if (wants(0)) input(0).accumulate(grads.x);
    if (wants(1)) input(1).accumulate(grads.gamma);
    if (wants(2)) input(2).accumulate(grads.beta);
  }
};

// With the statistics of the batch, which depend on x.
struct BatchNormTrainingNode final : Node {
  BatchNormStats stats;
  BatchNormParams params;
  BatchNormTrainingNode(BatchNormStats s, const BatchNormParams& p)
      : stats(std::move(s)), params(p) {}
  const char* name() const override { return "batch_norm_training"; }
  Attributes attributes() const override { return {{"eps", params.eps}, {"slope", params.slope}}; }
  void backward(const Tensor& gy) override {
    const BatchNormGrads grads =
        batch_norm_grad(gy, input(0).value(), input(1).value(), input(2).value(), stats,
                        BatchNormMode::batch, params);
    if (wants(0)) input(0).accumulate(grads.x);
    if (wants(1)) input(1).accumulate(grads.gamma);
    if (wants(2)) input(2).accumulate(grads.beta);
  }
};

}  // namespace

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const Var& mean, const Var& var,
               const BatchNormParams& params) {
  return record<BatchNormNode>(
      rf::batch_norm(x.value(), gamma.value(), beta.value(), mean.value(), var.value(), params),
      {x, gamma, beta, mean, var}, params);
}

Var batch_norm_training(const Var& x, const Var& gamma, const Var& beta,
                        const BatchNormParams& params, BatchNormStats& stats) {
  stats = batch_norm_stats(x.value());
  return record<BatchNormTrainingNode>(
      rf::batch_norm(x.value(), gamma.value(), beta.value(), stats.mean, stats.var, params),
      {x, gamma, beta}, stats, params);
}

}  // namespace rf::ag
