#include "engine/ops/softmax_cross_entropy.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct SoftmaxCrossEntropyNode final : Node {
  Tensor labels;
  explicit SoftmaxCrossEntropyNode(Tensor l) : labels(std::move(l)) {}
  const char* name() const override { return "softmax_cross_entropy"; }
  void backward(const Tensor& gy) override {
    if (wants(0)) input(0).accumulate(softmax_cross_entropy_grad(gy, input(0).value(), labels));
  }
};

}  // namespace

Var softmax_cross_entropy(const Var& x, const Tensor& labels) {
  return record<SoftmaxCrossEntropyNode>(rf::softmax_cross_entropy(x.value(), labels), {x}, labels);
}

}  // namespace rf::ag
