#include "engine/ops/upsample_nearest.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct UpsampleNearestNode final : Node {
  static constexpr bool kReadsInputs = false;
  UpsampleNearestParams params;
  explicit UpsampleNearestNode(const UpsampleNearestParams& p) : params(p) {}
  const char* name() const override { return "upsample_nearest"; }
  Attributes attributes() const override {
    return {{"out_h", static_cast<double>(params.out_h)},
            {"out_w", static_cast<double>(params.out_w)}};
  }
  void backward(const Tensor& gy) override {
    input(0).accumulate(upsample_nearest_grad(gy, input(0).shape()));
  }
};

}  // namespace

Var upsample_nearest(const Var& x, const UpsampleNearestParams& params) {
  return record<UpsampleNearestNode>(rf::upsample_nearest(x.value(), params), {x}, params);
}

}  // namespace rf::ag
