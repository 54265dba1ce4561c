#include "engine/ops/permute.hpp"

#include <numeric>
#include <string>
#include <utility>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf::ag {

namespace {

struct PermuteNode final : Node {
  static constexpr bool kReadsInputs = false;
  std::vector<int> axes;
  explicit PermuteNode(const std::vector<int>& a) : axes(a) {}
  const char* name() const override { return "permute"; }
  Attributes attributes() const override {
    Attributes numbered;
    for (const int axis : axes)
      numbered.emplace_back("axis" + std::to_string(numbered.size()), axis);
    return numbered;
  }
  // y's axis i is x's axis axes[i], so x's axis axes[i] is y's axis i.
  void backward(const Tensor& gy) override {
    std::vector<int> inverse(axes.size());
    for (std::size_t i = 0; i < axes.size(); ++i)
      inverse[static_cast<std::size_t>(axes[i])] = static_cast<int>(i);
    input(0).accumulate(rf::permute(gy, inverse));
  }
};

}  // namespace

Var permute(const Var& x, const std::vector<int>& axes) {
  return record<PermuteNode>(rf::permute(x.value(), axes), {x}, axes);
}

Var transpose(const Var& x, int axis_a, int axis_b) {
  const int rank = x.shape().rank();
  RF_CHECK_SHAPE(0 <= axis_a && axis_a < rank && 0 <= axis_b && axis_b < rank, "transpose",
                 "input ", x.shape(), " has no axes ", axis_a, " and ", axis_b);
  std::vector<int> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[static_cast<std::size_t>(axis_a)], axes[static_cast<std::size_t>(axis_b)]);
  return permute(x, axes);
}

}  // namespace rf::ag
