#include "engine/ops/sum.hpp"

#include <numeric>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf::ag {

namespace {

std::vector<int> all_axes(const Var& x) {
  std::vector<int> axes(static_cast<std::size_t>(x.shape().rank()));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

struct SumNode final : Node {
  static constexpr bool kReadsInputs = false;
  std::vector<int> axes;
  explicit SumNode(std::vector<int> a) : axes(std::move(a)) {}
  const char* name() const override { return "sum"; }
  Attributes attributes() const override {
    Attributes result;
    for (const int axis : axes) result.emplace_back("axis" + std::to_string(result.size()), axis);
    return result;
  }
  // Each element of x counts once in one element of y.
  void backward(const Tensor& gy) override {
    Shape kept = input(0).shape();
    for (const int axis : axes) kept = kept.with(axis, 1);
    input(0).accumulate(broadcast_to(gy.reshaped(kept), input(0).shape()));
  }
};

}  // namespace

Var sum(const Var& x, const std::vector<int>& axes) {
  return record<SumNode>(rf::sum(x.value(), axes), {x}, axes);
}

Var sum(const Var& x) { return sum(x, all_axes(x)); }

Var mean(const Var& x, const std::vector<int>& axes) {
  const Var total = sum(x, axes);
  Index count = 1;
  for (const int axis : axes) count *= x.shape()[axis];
  RF_CHECK_SHAPE(count > 0, "mean", "of no elements: input ", x.shape(),
                 " has none along the axes given");
  return scale(total, 1 / static_cast<double>(count));
}

Var mean(const Var& x) { return mean(x, all_axes(x)); }

}  // namespace rf::ag
