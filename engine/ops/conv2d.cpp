#include "engine/ops/conv2d.hpp"

#include <algorithm>
#include <utility>

#include "engine/kernels/reference.hpp"
#include "engine/ops/conv2d_schedule.hpp"
#include "engine/ops/run.hpp"

namespace rf {

Shape conv2d_out_shape(const Shape& x, const Shape& w, const Conv2dParams& p) {
  RF_CHECK_SHAPE(x.rank() == 4 && w.rank() == 4, "conv2d", "input ", x, " and weight ", w,
                 " must be [N, C, H, W] and [K, C / groups, kh, kw]");
  RF_CHECK_SHAPE(p.stride >= 1 && p.pad >= 0 && p.dilation >= 1 && p.groups >= 1, "conv2d",
                 "stride ", p.stride, ", pad ", p.pad, ", dilation ", p.dilation, ", groups ",
                 p.groups, ": stride, dilation and groups start at 1, pad at 0");
  RF_CHECK_SHAPE(w.numel() > 0, "conv2d", "weight ", w, " has no elements");
  RF_CHECK_SHAPE(x[1] == checked_mul(w[1], p.groups) && w[0] % p.groups == 0, "conv2d", "input ", x,
                 " has ", x[1], " channels, weight ", w, " with groups=", p.groups, " needs ",
                 checked_mul(w[1], p.groups), " and an output count divisible by groups");
  const auto out_size = [&](int axis) {
    const Index padded = checked_add(x[axis], checked_mul(2, p.pad));
    const Index reach = checked_add(checked_mul(p.dilation, w[axis] - 1), 1);
    RF_CHECK_SHAPE(padded >= reach, "conv2d", "input ", x, " with pad=", p.pad,
                   " is smaller than kernel ", w, " with dilation=", p.dilation);
    return (padded - reach) / p.stride + 1;
  };
  const Shape y{x[0], w[0], out_size(2), out_size(3)};
  // Kernels lay out the padded image in memory, by phases of the stride (conv_strip.inl); its bytes
  // must be a number.
  Index bytes = checked_mul(8, w[1]);
  for (const int axis : {2, 3})
    bytes = checked_mul(bytes, checked_add(checked_add(x[axis], checked_mul(2, p.pad)), p.stride));
  (void)checked_mul(p.stride, p.dilation);
  return y;
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b, const Conv2dParams& params) {
  const Shape out = conv2d_out_shape(x.shape(), w.shape(), params);
  check_same_dtype("conv2d", {&x, &w, b.numel() ? &b : nullptr});
  RF_CHECK_SHAPE(b.numel() == 0 || b.shape() == Shape{out[1]}, "conv2d", "bias ", b.shape(),
                 " must be [", out[1], "]");
  Tensor y = Tensor::empty(out, x.dtype());
  if (y.numel() > 0) detail::run_conv2d(x, w, b, y, conv2d_geometry(x.shape(), w.shape(), params));
  return y;
}

Conv2dGeometry conv2d_geometry(const Shape& x, const Shape& w, const Conv2dParams& p) {
  const Shape y = conv2d_out_shape(x, w, p);
  return {.groups = p.groups,
          .in_channels = w[1],
          .out_channels = w[0] / p.groups,
          .in_h = x[2],
          .in_w = x[3],
          .out_h = y[2],
          .out_w = y[3],
          .kernel_h = w[2],
          .kernel_w = w[3],
          .stride = p.stride,
          .pad_h = p.pad,
          .pad_w = p.pad,
          .dilation = p.dilation};
}

void detail::run_conv2d(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y,
                        const Conv2dGeometry& geometry) {
  const auto args = [&]<class T>(T) {
    return Conv2dArgs<T>{.x = x.data<T>(),
                         .w = w.data<T>(),
                         .b = b.numel() ? b.data<T>() : nullptr,
                         .y = y.data<T>(),
                         .geometry = geometry};
  };
  const Index batch = y.shape()[0];
  if (x.dtype() == DType::f32) {
    const Conv2dArgs<float> a = args(float{});
    const Conv2dSchedule schedule(geometry, batch);
    const Tensor u = schedule.transformed(geometry, a.w);
    parallel_for(schedule.chunks(), schedule.scratch_bytes(), [&](Index chunk, std::byte* scratch) {
      schedule.run(a, std::as_const(u).data<float>(), chunk, scratch);
    });
    return;
  }
  const Conv2dArgs<double> a = args(double{});
  const Index plane = geometry.out_h * geometry.out_w, pixels = conv2d_pixels_per_chunk(geometry);
  const Index parts = ceil_div(plane, pixels);
  parallel_for(batch * geometry.groups * parts, [&](Index chunk) {
    const Index of = chunk / parts, begin = chunk % parts * pixels;
    reference::conv2d(a, Conv2dTile{.image = of / geometry.groups,
                                    .group = of % geometry.groups,
                                    .begin = begin,
                                    .end = std::min(begin + pixels, plane),
                                    .scratch = nullptr});
  });
}

}  // namespace rf
