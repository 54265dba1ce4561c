#include "engine/ops/conv2d_batch_norm.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct Conv2dBatchNormNode final : Node {
  Tensor convolved;
  BatchNormStats stats;
  Conv2dBatchNormParams params;
  Conv2dBatchNormNode(Tensor c, BatchNormStats s, const Conv2dBatchNormParams& p)
      : convolved(std::move(c)), stats(std::move(s)), params(p) {}
  const char* name() const override { return "conv2d_batch_norm"; }
  Attributes attributes() const override {
    return {{"stride", static_cast<double>(params.conv.stride)},
            {"pad", static_cast<double>(params.conv.pad)},
            {"dilation", static_cast<double>(params.conv.dilation)},
            {"groups", static_cast<double>(params.conv.groups)},
            {"eps", params.norm.eps},
            {"slope", params.norm.slope}};
  }
  void backward(const Tensor& gy) override {
    const Conv2dBatchNormGrads grads = conv2d_batch_norm_grad(
        gy, input(0).value(), input(1).value(), input(3).value(), input(4).value(), convolved,
        stats, params, {.x = wants(0), .w = wants(1), .b = wants(2)});
    const Tensor* all[] = {&grads.x, &grads.w, &grads.b, &grads.gamma, &grads.beta};
    for (std::size_t i = 0; i < 5; ++i) {
      if (wants(i)) input(i).accumulate(*all[i]);
    }
  }
};

}  // namespace

Var conv2d_batch_norm(const Var& x, const Var& w, const Var& b, const Var& gamma, const Var& beta,
                      const Conv2dBatchNormParams& params, BatchNormStats& stats) {
  Conv2dBatchNormResult result =
      rf::conv2d_batch_norm(x.value(), w.value(), b.value(), gamma.value(), beta.value(), params);
  stats = result.stats;
  return record<Conv2dBatchNormNode>(std::move(result.y), {x, w, b, gamma, beta},
                                     std::move(result.convolved), stats, params);
}

}  // namespace rf::ag
