#include "engine/ops/smooth_l1.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct SmoothL1Node final : Node {
  SmoothL1Params params;
  explicit SmoothL1Node(const SmoothL1Params& p) : params(p) {}
  const char* name() const override { return "smooth_l1"; }
  Attributes attributes() const override { return {{"beta", params.beta}}; }
  void backward(const Tensor& gy) override {
    const Var &x = input(0), &target = input(1);
    if (wants(0)) x.accumulate(smooth_l1_grad(gy, x.value(), target.value(), params));
    if (wants(1)) target.accumulate(smooth_l1_grad(gy, target.value(), x.value(), params));
  }
};

struct L1Node final : Node {
  const char* name() const override { return "l1"; }
  void backward(const Tensor& gy) override {
    const Var &x = input(0), &target = input(1);
    if (wants(0)) x.accumulate(l1_grad(gy, x.value(), target.value()));
    if (wants(1)) target.accumulate(l1_grad(gy, target.value(), x.value()));
  }
};

}  // namespace

Var smooth_l1(const Var& x, const Var& target, const SmoothL1Params& params) {
  return record<SmoothL1Node>(rf::smooth_l1(x.value(), target.value(), params), {x, target},
                              params);
}

Var l1(const Var& x, const Var& target) {
  return record<L1Node>(rf::l1(x.value(), target.value()), {x, target});
}

}  // namespace rf::ag
