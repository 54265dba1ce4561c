#include "engine/ops/gather.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

// Each is the other's gradient: what was read from a position is added to it, and what was added to
// a position is read from it.

struct GatherNode final : Node {
  static constexpr bool kReadsInputs = false;
  int axis;
  Tensor index;
  GatherNode(int a, Tensor i) : axis(a), index(std::move(i)) {}
  const char* name() const override { return "gather"; }
  Attributes attributes() const override { return {{"axis", axis}}; }
  void backward(const Tensor& gy) override {
    input(0).accumulate(rf::scatter_add(gy, axis, index, input(0).shape()[axis]));
  }
};

struct ScatterAddNode final : Node {
  static constexpr bool kReadsInputs = false;
  int axis;
  Tensor index;
  Index size;
  ScatterAddNode(int a, Tensor i, Index s) : axis(a), index(std::move(i)), size(s) {}
  const char* name() const override { return "scatter_add"; }
  Attributes attributes() const override {
    return {{"axis", axis}, {"size", static_cast<double>(size)}};
  }
  void backward(const Tensor& gy) override { input(0).accumulate(rf::gather(gy, axis, index)); }
};

}  // namespace

Var gather(const Var& x, int axis, const Tensor& index) {
  return record<GatherNode>(rf::gather(x.value(), axis, index), {x}, axis, index);
}

Var scatter_add(const Var& x, int axis, const Tensor& index, Index size) {
  return record<ScatterAddNode>(rf::scatter_add(x.value(), axis, index, size), {x}, axis, index,
                                size);
}

}  // namespace rf::ag
