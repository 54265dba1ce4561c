// The smallest operations that have a gradient, for tests of the machinery alone.
#pragma once

#include <initializer_list>
#include <vector>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

inline Tensor ones(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  for (float& v : t.span<float>()) v = 1;
  return t;
}

// A leaf that wants a gradient.
inline ag::Var leaf(const Shape& shape, std::initializer_list<double> values) {
  ag::Var var(tensor(shape, values));
  var.set_requires_grad(true);
  return var;
}

inline Tensor product(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::empty(a.shape());
  for (Index i = 0; i < a.numel(); ++i)
    y.data<float>()[i] = a.data<float>()[i] * b.data<float>()[i];
  return y;
}

struct ProductNode final : ag::Node {
  const char* name() const override { return "product"; }
  void backward(const Tensor& gy) override {
    if (wants(0)) input(0).accumulate(product(gy, input(1).value()));
    if (wants(1)) input(1).accumulate(product(gy, input(0).value()));
  }
};

// a b, element by element, f32.
inline ag::Var product(const ag::Var& a, const ag::Var& b) {
  return ag::record<ProductNode>(product(a.value(), b.value()), {a, b});
}

struct TotalNode final : ag::Node {
  const char* name() const override { return "total"; }
  void backward(const Tensor& gy) override {
    for (std::size_t i = 0; i < inputs().size(); ++i) {
      if (wants(i)) input(i).accumulate(gy);
    }
  }
};

// The sum of `parts`, element by element, f32.
inline ag::Var total(const std::vector<ag::Var>& parts) {
  Tensor y = parts[0].value().clone();
  for (std::size_t p = 1; p < parts.size(); ++p) {
    for (Index i = 0; i < y.numel(); ++i) y.data<float>()[i] += parts[p].value().data<float>()[i];
  }
  return ag::record<TotalNode>(y, parts);
}

}  // namespace rf::test
