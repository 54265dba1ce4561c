#include "layers/deform_conv2d.hpp"

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

DeformConv2d::DeformConv2d(const Conv2dOptions& o, Deformation version)
    : params_{.stride = o.stride, .pad = (o.kernel - 1) / 2, .dilation = 1, .groups = o.groups},
      weight_(parameter("weight", {o.out_channels, o.in_channels / o.groups, o.kernel, o.kernel})),
      bias_(o.bias == Bias::yes ? parameter("bias", {o.out_channels}) : Var(Tensor())),
      mask_weight_(Tensor()),
      mask_bias_(Tensor()) {
  if (version == Deformation::none)
    throw UsageError("deformable layer: version 1 or 2 is needed, not a plain convolution");
  if (o.groups != 1)
    throw UsageError(message("deformable layer: ", o.groups, " groups; 1 is needed"));
  const Index places = o.kernel * o.kernel;
  const auto field = [&](const char* name, Index channels) {
    return parameter(name, {channels, o.in_channels, o.kernel, o.kernel});
  };
  offset_weight_ = field("offset_weight", 2 * places);
  offset_bias_ = parameter("offset_bias", {2 * places});
  if (version == Deformation::v1) return;
  mask_weight_ = field("mask_weight", places);
  mask_bias_ = parameter("mask_bias", {places});
}

Var DeformConv2d::forward(const Var& x) const {
  const Var offset = ag::conv2d(x, offset_weight_, offset_bias_, params_);
  const bool masked = mask_weight_.value().numel() > 0;
  const Var mask =
      masked ? ag::sigmoid(ag::conv2d(x, mask_weight_, mask_bias_, params_)) : Var(Tensor());
  return ag::deform_conv2d(x, offset, mask, weight_, bias_, {.conv = params_});
}

}  // namespace rf
