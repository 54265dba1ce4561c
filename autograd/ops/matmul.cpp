#include "engine/ops/matmul.hpp"

#include <numeric>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

Tensor transposed(const Tensor& x) {
  std::vector<int> axes(static_cast<std::size_t>(x.shape().rank()));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[axes.size() - 2], axes[axes.size() - 1]);
  return rf::permute(x, axes);
}

// x [.., M, K] as one tall matrix.
Tensor stacked(const Tensor& x) {
  const int last = x.shape().rank() - 1;
  Index rows = 1;
  for (int axis = 0; axis < last; ++axis) rows *= x.shape()[axis];
  return x.reshaped({rows, x.shape()[last]});
}

struct MatmulNode final : Node {
  const char* name() const override { return "matmul"; }
  void backward(const Tensor& gy) override {
    const Var &a = input(0), &b = input(1);
    if (wants(0)) a.accumulate(rf::matmul(gy, transposed(b.value())));
    if (!wants(1)) return;
    // A single b has the sum over all matrices of a as its gradient: that of the tall product.
    if (b.shape().rank() == 2)
      b.accumulate(rf::matmul_transposed(stacked(a.value()), stacked(gy)));
    else
      b.accumulate(rf::matmul(transposed(a.value()), gy));
  }
};

}  // namespace

Var matmul(const Var& a, const Var& b) {
  return record<MatmulNode>(rf::matmul(a.value(), b.value()), {a, b});
}

}  // namespace rf::ag
