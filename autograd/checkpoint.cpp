#include "autograd/checkpoint.hpp"

#include "autograd/node.hpp"

namespace rf::ag {

namespace {

using Block = std::function<Var(const std::vector<Var>&)>;

struct CheckpointNode final : Node {
  Block block;
  explicit CheckpointNode(Block b) : block(std::move(b)) {}
  const char* name() const override { return "checkpoint"; }
  void backward(const Tensor& gy) override {
    std::vector<Var> leaves;
    for (std::size_t i = 0; i + 1 < inputs().size(); ++i) {
      leaves.push_back(input(i).detach());
      leaves.back().set_requires_grad(wants(i));
      // What the block adds goes on top, in the order of a pass without checkpoint.
      if (Var in = input(i); wants(i) && in.grad().numel() > 0) {
        leaves.back().set_grad(in.grad());
        in.clear_grad();
      }
    }
    {
      const RecomputeScope recompute;
      const Var y = block(leaves);
      if (y.requires_grad()) y.backward(gy);  // else all of it is frozen
    }
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (wants(i) && leaves[i].grad().numel() > 0) input(i).accumulate(leaves[i].grad());
    }
  }
};

}  // namespace

Var checkpoint(const Block& block, const std::vector<Var>& inputs) {
  if (!grad_enabled() || TraceScope::current()) return block(inputs);
  Tensor value;
  {
    const NoGradScope no_grad;
    value = block(inputs).value();
  }
  // Whether the block's own parameters want gradients cannot be seen from here: an input that
  // always does stands in.
  std::vector<Var> all = inputs;
  all.emplace_back();
  all.back().set_requires_grad(true);
  return record<CheckpointNode>(std::move(value), std::move(all), block);
}

}  // namespace rf::ag
