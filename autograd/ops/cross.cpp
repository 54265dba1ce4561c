#include "engine/ops/cross.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct CrossNode final : Node {
  const char* name() const override { return "cross"; }
  // <gy, da x b> = <da, b x gy> and <gy, a x db> = <db, gy x a>: a triple product turns in a
  // circle.
  void backward(const Tensor& gy) override {
    if (wants(0)) input(0).accumulate(rf::cross(input(1).value(), gy));
    if (wants(1)) input(1).accumulate(rf::cross(gy, input(0).value()));
  }
};

}  // namespace

Var cross(const Var& a, const Var& b) {
  return record<CrossNode>(rf::cross(a.value(), b.value()), {a, b});
}

}  // namespace rf::ag
