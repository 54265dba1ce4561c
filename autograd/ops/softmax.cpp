#include "engine/ops/softmax.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct SoftmaxNode final : Node {
  static constexpr bool kReadsInputs = false;
  Tensor y;
  int axis;
  SoftmaxNode(Tensor output, int a) : y(std::move(output)), axis(a) {}
  const char* name() const override { return "softmax"; }
  Attributes attributes() const override { return {{"axis", axis}}; }
  void backward(const Tensor& gy) override { input(0).accumulate(softmax_grad(gy, y, axis)); }
};

}  // namespace

Var softmax(const Var& x, int axis) {
  const Tensor y = rf::softmax(x.value(), axis);
  return record<SoftmaxNode>(y, {x}, y, axis);
}

}  // namespace rf::ag
