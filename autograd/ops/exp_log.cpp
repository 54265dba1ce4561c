#include "engine/ops/exp_log.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct ExpNode final : Node {
  static constexpr bool kReadsInputs = false;
  Tensor y;
  explicit ExpNode(Tensor output) : y(std::move(output)) {}
  const char* name() const override { return "exp"; }
  void backward(const Tensor& gy) override { input(0).accumulate(exp_grad(gy, y)); }
};

struct LogNode final : Node {
  const char* name() const override { return "log"; }
  void backward(const Tensor& gy) override { input(0).accumulate(log_grad(gy, input(0).value())); }
};

}  // namespace

Var exp(const Var& x) {
  const Tensor y = rf::exp(x.value());
  return record<ExpNode>(y, {x}, y);
}

Var log(const Var& x) { return record<LogNode>(rf::log(x.value()), {x}); }

}  // namespace rf::ag
