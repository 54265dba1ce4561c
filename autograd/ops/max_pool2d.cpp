#include "engine/ops/max_pool2d.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct MaxPool2dNode final : Node {
  MaxPool2dParams params;
  explicit MaxPool2dNode(const MaxPool2dParams& p) : params(p) {}
  const char* name() const override { return "max_pool2d"; }
  Attributes attributes() const override {
    return {{"kernel", static_cast<double>(params.kernel)},
            {"stride", static_cast<double>(params.stride)},
            {"pad", static_cast<double>(params.pad)}};
  }
  // Looks for the maxima once more: cheaper than keeping an index for each.
  void backward(const Tensor& gy) override {
    input(0).accumulate(max_pool2d_grad(gy, input(0).value(), params));
  }
};

}  // namespace

Var max_pool2d(const Var& x, const MaxPool2dParams& params) {
  return record<MaxPool2dNode>(rf::max_pool2d(x.value(), params), {x}, params);
}

}  // namespace rf::ag
