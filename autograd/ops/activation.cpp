#include "engine/ops/activation.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct ReluNode final : Node {
  static constexpr bool kReadsInputs = false;
  Tensor y;
  explicit ReluNode(Tensor output) : y(std::move(output)) {}
  const char* name() const override { return "relu"; }
  void backward(const Tensor& gy) override { input(0).accumulate(relu_grad(gy, y)); }
};

struct LeakyReluNode final : Node {
  static constexpr bool kReadsInputs = false;
  Tensor sign;  // of x: the output, or with a negative slope, which turns signs over, x itself
  LeakyReluParams params;
  LeakyReluNode(const Tensor& x, const Tensor& y, const LeakyReluParams& p)
      : sign(p.slope < 0 ? x : y), params(p) {}
  const char* name() const override { return "leaky_relu"; }
  Attributes attributes() const override { return {{"slope", params.slope}}; }
  void backward(const Tensor& gy) override {
    input(0).accumulate(leaky_relu_grad(gy, sign, params));
  }
};

struct EluNode final : Node {
  static constexpr bool kReadsInputs = false;
  Tensor y;
  EluParams params;
  EluNode(Tensor output, const EluParams& p) : y(std::move(output)), params(p) {}
  const char* name() const override { return "elu"; }
  Attributes attributes() const override { return {{"alpha", params.alpha}}; }
  void backward(const Tensor& gy) override { input(0).accumulate(elu_grad(gy, y, params)); }
};

struct SigmoidNode final : Node {
  static constexpr bool kReadsInputs = false;
  Tensor y;
  explicit SigmoidNode(Tensor output) : y(std::move(output)) {}
  const char* name() const override { return "sigmoid"; }
  void backward(const Tensor& gy) override { input(0).accumulate(sigmoid_grad(gy, y)); }
};

struct TanhNode final : Node {
  static constexpr bool kReadsInputs = false;
  Tensor y;
  explicit TanhNode(Tensor output) : y(std::move(output)) {}
  const char* name() const override { return "tanh"; }
  void backward(const Tensor& gy) override { input(0).accumulate(tanh_grad(gy, y)); }
};

}  // namespace

Var relu(const Var& x) {
  const Tensor y = rf::relu(x.value());
  return record<ReluNode>(y, {x}, y);
}

Var leaky_relu(const Var& x, const LeakyReluParams& params) {
  const Tensor y = rf::leaky_relu(x.value(), params);
  return record<LeakyReluNode>(y, {x}, x.value(), y, params);
}

Var elu(const Var& x, const EluParams& params) {
  const Tensor y = rf::elu(x.value(), params);
  return record<EluNode>(y, {x}, y, params);
}

Var sigmoid(const Var& x) {
  const Tensor y = rf::sigmoid(x.value());
  return record<SigmoidNode>(y, {x}, y);
}

Var tanh(const Var& x) {
  const Tensor y = rf::tanh(x.value());
  return record<TanhNode>(y, {x}, y);
}

}  // namespace rf::ag
