#include "engine/ops/resize_bilinear.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct ResizeBilinearNode final : Node {
  static constexpr bool kReadsInputs = false;
  ResizeBilinearParams params;
  explicit ResizeBilinearNode(const ResizeBilinearParams& p) : params(p) {}
  const char* name() const override { return "resize_bilinear"; }
  Attributes attributes() const override {
    return {{"out_h", static_cast<double>(params.out_h)},
            {"out_w", static_cast<double>(params.out_w)}};
  }
  void backward(const Tensor& gy) override {
    input(0).accumulate(resize_bilinear_grad(gy, input(0).shape()));
  }
};

}  // namespace

Var resize_bilinear(const Var& x, const ResizeBilinearParams& params) {
  return record<ResizeBilinearNode>(rf::resize_bilinear(x.value(), params), {x}, params);
}

}  // namespace rf::ag
