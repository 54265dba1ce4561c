#include "engine/ops/deform_conv2d.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct DeformConv2dNode final : Node {
  DeformConv2dParams params;
  explicit DeformConv2dNode(const DeformConv2dParams& p) : params(p) {}
  const char* name() const override { return "deform_conv2d"; }
  Attributes attributes() const override {
    return {{"stride", static_cast<double>(params.conv.stride)},
            {"pad", static_cast<double>(params.conv.pad)},
            {"dilation", static_cast<double>(params.conv.dilation)},
            {"groups", static_cast<double>(params.conv.groups)},
            {"deform_groups", static_cast<double>(params.deform_groups)}};
  }
  void backward(const Tensor& gy) override {
    const Var &x = input(0), &offset = input(1), &mask = input(2), &w = input(3), &b = input(4);
    const DeformConv2dInputs in{x.value(), offset.value(), mask.value(), w.value(), b.value()};
    const DeformConv2dGrads grads = deform_conv2d_grad(
        gy, in, params, {.x = wants(0), .offset = wants(1) || wants(2), .w = wants(3)});
    if (wants(0)) x.accumulate(grads.x);
    if (wants(1)) offset.accumulate(grads.offset);
    if (wants(2)) mask.accumulate(grads.mask);
    if (wants(3)) w.accumulate(grads.w);
    if (wants(4)) b.accumulate(conv2d_grad_bias(gy));
  }
};

}  // namespace

Var deform_conv2d(const Var& x, const Var& offset, const Var& mask, const Var& w, const Var& b,
                  const DeformConv2dParams& params) {
  return record<DeformConv2dNode>(
      rf::deform_conv2d({x.value(), offset.value(), mask.value(), w.value(), b.value()}, params),
      {x, offset, mask, w, b}, params);
}

}  // namespace rf::ag
