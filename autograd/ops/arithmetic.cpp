#include "engine/ops/arithmetic.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

// An input that was repeated gets the sum over its copies.

struct AddNode final : Node {
  static constexpr bool kReadsInputs = false;
  const char* name() const override { return "add"; }
  void backward(const Tensor& gy) override {
    if (wants(0)) input(0).accumulate(sum_to(gy, input(0).shape()));
    if (wants(1)) input(1).accumulate(sum_to(gy, input(1).shape()));
  }
};

struct SubtractNode final : Node {
  static constexpr bool kReadsInputs = false;
  const char* name() const override { return "subtract"; }
  void backward(const Tensor& gy) override {
    if (wants(0)) input(0).accumulate(sum_to(gy, input(0).shape()));
    if (wants(1)) input(1).accumulate(rf::scale(sum_to(gy, input(1).shape()), -1));
  }
};

struct MultiplyNode final : Node {
  const char* name() const override { return "multiply"; }
  void backward(const Tensor& gy) override {
    const Var &a = input(0), &b = input(1);
    if (wants(0)) a.accumulate(sum_to(rf::multiply(gy, b.value()), a.shape()));
    if (wants(1)) b.accumulate(sum_to(rf::multiply(gy, a.value()), b.shape()));
  }
};

// ga = gy / b, gb = -gy a / b^2 = -ga a / b.
struct DivideNode final : Node {
  const char* name() const override { return "divide"; }
  void backward(const Tensor& gy) override {
    const Var &a = input(0), &b = input(1);
    const Tensor ga = rf::divide(gy, b.value());
    if (wants(0)) a.accumulate(sum_to(ga, a.shape()));
    if (wants(1)) {
      const Tensor product = rf::divide(rf::multiply(ga, a.value()), b.value());
      b.accumulate(rf::scale(sum_to(product, b.shape()), -1));
    }
  }
};

struct ScaleNode final : Node {
  static constexpr bool kReadsInputs = false;
  double factor;
  explicit ScaleNode(double f) : factor(f) {}
  const char* name() const override { return "scale"; }
  Attributes attributes() const override { return {{"factor", factor}}; }
  void backward(const Tensor& gy) override { input(0).accumulate(rf::scale(gy, factor)); }
};

}  // namespace

Var add(const Var& a, const Var& b) {
  return record<AddNode>(rf::add(a.value(), b.value()), {a, b});
}

Var subtract(const Var& a, const Var& b) {
  return record<SubtractNode>(rf::subtract(a.value(), b.value()), {a, b});
}

Var multiply(const Var& a, const Var& b) {
  return record<MultiplyNode>(rf::multiply(a.value(), b.value()), {a, b});
}

Var divide(const Var& a, const Var& b) {
  return record<DivideNode>(rf::divide(a.value(), b.value()), {a, b});
}

Var scale(const Var& x, double factor) {
  return record<ScaleNode>(rf::scale(x.value(), factor), {x}, factor);
}

}  // namespace rf::ag
