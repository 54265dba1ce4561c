#include "engine/ops/conv2d.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct Conv2dNode final : Node {
  Conv2dParams params;
  explicit Conv2dNode(const Conv2dParams& p) : params(p) {}
  const char* name() const override { return "conv2d"; }
  Attributes attributes() const override {
    return {{"stride", static_cast<double>(params.stride)},
            {"pad", static_cast<double>(params.pad)},
            {"dilation", static_cast<double>(params.dilation)},
            {"groups", static_cast<double>(params.groups)}};
  }
  void backward(const Tensor& gy) override {
    const Var &x = input(0), &w = input(1), &b = input(2);
    if (wants(0)) x.accumulate(conv2d_grad_input(gy, w.value(), x.shape(), params));
    if (wants(1)) w.accumulate(conv2d_grad_weight(gy, x.value(), w.shape(), params));
    if (wants(2)) b.accumulate(conv2d_grad_bias(gy));
  }
};

}  // namespace

Var conv2d(const Var& x, const Var& w, const Var& b, const Conv2dParams& params) {
  return record<Conv2dNode>(rf::conv2d(x.value(), w.value(), b.value(), params), {x, w, b}, params);
}

}  // namespace rf::ag
