#include "engine/ops/slice.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct SliceNode final : Node {
  static constexpr bool kReadsInputs = false;
  int axis;
  Index begin, end;
  SliceNode(int a, Index b, Index e) : axis(a), begin(b), end(e) {}
  const char* name() const override { return "slice"; }
  Attributes attributes() const override {
    return {
        {"axis", axis}, {"begin", static_cast<double>(begin)}, {"end", static_cast<double>(end)}};
  }
  void backward(const Tensor& gy) override {
    input(0).accumulate(slice_grad(gy, input(0).shape(), axis, begin));
  }
};

}  // namespace

Var slice(const Var& x, int axis, Index begin, Index end) {
  return record<SliceNode>(rf::slice(x.value(), axis, begin, end), {x}, axis, begin, end);
}

}  // namespace rf::ag
