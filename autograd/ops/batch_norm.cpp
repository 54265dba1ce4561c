#include "engine/ops/batch_norm.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

// Inputs x, gamma, beta and, with running statistics, these as constants.
struct BatchNormNode final : Node {
  BatchNormStats stats;
  BatchNormMode mode;
  BatchNormParams params;
  BatchNormNode(BatchNormStats s, BatchNormMode m, const BatchNormParams& p)
      : stats(std::move(s)), mode(m), params(p) {}
  const char* name() const override {
    return mode == BatchNormMode::batch ? "batch_norm_training" : "batch_norm";
  }
  Attributes attributes() const override { return {{"eps", params.eps}, {"slope", params.slope}}; }
  void backward(const Tensor& gy) override {
    const Tensor &x = input(0).value(), &gamma = input(1).value(), &beta = input(2).value();
    const auto sums = wants(1) || wants(2) ? detail::BatchNormSums::wanted
                                           : detail::BatchNormSums::only_if_needed;
    const detail::BatchNormGradient gradient(gy, x, gamma, beta, stats, mode, params, sums);
    if (wants(0)) {
      Tensor gx = Tensor::empty(x.shape(), x.dtype());
      gradient.apply(gy, x, gx);
      input(0).accumulate(gx);
    }
    if (wants(1)) input(1).accumulate(gradient.gamma);
    if (wants(2)) input(2).accumulate(gradient.beta);
  }
};

}  // namespace

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const Var& mean, const Var& var,
               const BatchNormParams& params) {
  return record<BatchNormNode>(
      rf::batch_norm(x.value(), gamma.value(), beta.value(), mean.value(), var.value(), params),
      {x, gamma, beta, mean, var}, BatchNormStats{mean.value(), var.value()},
      BatchNormMode::running, params);
}

Var batch_norm_training(const Var& x, const Var& gamma, const Var& beta,
                        const BatchNormParams& params, BatchNormStats& stats) {
  stats = batch_norm_stats(x.value());
  return record<BatchNormNode>(
      rf::batch_norm(x.value(), gamma.value(), beta.value(), stats.mean, stats.var, params),
      {x, gamma, beta}, stats, BatchNormMode::batch, params);
}

}  // namespace rf::ag
