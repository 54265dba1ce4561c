#include "engine/ops/normalize.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct NormalizeNode final : Node {
  double eps;
  explicit NormalizeNode(double e) : eps(e) {}
  const char* name() const override { return "normalize"; }
  Attributes attributes() const override { return {{"eps", eps}}; }
  void backward(const Tensor& gy) override {
    input(0).accumulate(normalize_grad(gy, input(0).value(), eps));
  }
};

}  // namespace

Var normalize(const Var& x, double eps) {
  return record<NormalizeNode>(rf::normalize(x.value(), eps), {x}, eps);
}

}  // namespace rf::ag
