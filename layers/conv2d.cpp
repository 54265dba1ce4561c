#include "layers/conv2d.hpp"

#include "autograd/ops.hpp"

namespace rf {

Conv2d::Conv2d(const Conv2dOptions& o)
    : params_{.stride = o.stride, .pad = (o.kernel - 1) / 2, .dilation = 1, .groups = o.groups},
      weight_(parameter("weight", {o.out_channels, o.in_channels / o.groups, o.kernel, o.kernel})),
      bias_(o.bias == Bias::yes ? parameter("bias", {o.out_channels}) : Var(Tensor())) {}

Var Conv2d::forward(const Var& x) const { return ag::conv2d(x, weight_, bias_, params_); }

}  // namespace rf
