#include "engine/ops/concat.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct ConcatNode final : Node {
  static constexpr bool kReadsInputs = false;
  int axis;
  explicit ConcatNode(int a) : axis(a) {}
  const char* name() const override { return "concat"; }
  Attributes attributes() const override { return {{"axis", axis}}; }
  // Each part gets its slice of gy.
  void backward(const Tensor& gy) override {
    Index begin = 0;
    for (std::size_t i = 0; i < inputs().size(); ++i) {
      const Index end = begin + input(i).shape()[axis];
      if (wants(i)) input(i).accumulate(slice(gy, axis, begin, end));
      begin = end;
    }
  }
};

}  // namespace

Var concat(const std::vector<Var>& parts, int axis) {
  std::vector<Tensor> values;
  for (const Var& part : parts) values.push_back(part.value());
  return record<ConcatNode>(rf::concat(values, axis), parts, axis);
}

}  // namespace rf::ag
