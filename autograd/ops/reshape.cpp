#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct ReshapeNode final : Node {
  static constexpr bool kReadsInputs = false;
  const char* name() const override { return "reshape"; }
  void backward(const Tensor& gy) override { input(0).accumulate(gy.reshaped(input(0).shape())); }
};

}  // namespace

Var reshape(const Var& x, const Shape& shape) {
  return record<ReshapeNode>(x.value().reshaped(shape), {x});
}

}  // namespace rf::ag
