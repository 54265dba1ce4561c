#include "engine/ops/linear.hpp"

#include <array>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

// y = x w^T + b: gx = gy w, gw = gy^T x, gb = the sum of gy's rows.
struct LinearNode final : Node {
  const char* name() const override { return "linear"; }
  void backward(const Tensor& gy) override {
    const Var &x = input(0), &w = input(1), &b = input(2);
    if (wants(0)) x.accumulate(rf::matmul(gy, w.value()));
    if (wants(1)) w.accumulate(rf::matmul_transposed(gy, x.value()));
    if (wants(2) && b.value().numel() > 0) b.accumulate(rf::sum(gy, std::array{0}));
  }
};

}  // namespace

Var linear(const Var& x, const Var& w, const Var& b) {
  return record<LinearNode>(rf::linear(x.value(), w.value(), b.value()), {x, w, b});
}

}  // namespace rf::ag
