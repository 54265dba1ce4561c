#include "engine/ops/conv2d.hpp"

#include <algorithm>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

// Output pixels of one chunk: about 192 KiB of input, so that it stays in a second-level cache
// while all output channels pass over it.
Index pixels_per_chunk(Index in_channels, Index out_plane) {
  constexpr Index kInputs = 49152;
  return std::clamp<Index>(kInputs / in_channels, std::min<Index>(out_plane, 64), out_plane);
}

template <class T, class Kernel>
void run_tiles(const Conv2dArgs<T>& args, Index batch, Index pixels, std::size_t scratch_bytes,
               Kernel kernel) {
  const Conv2dGeometry& g = args.geometry;
  const Index out_plane = g.out_h * g.out_w, parts = ceil_div(out_plane, pixels);
  parallel_for(batch * g.groups * parts, scratch_bytes, [&](Index chunk, std::byte* scratch) {
    const Index plane = chunk / parts, begin = chunk % parts * pixels;
    kernel(args, Conv2dTile{.image = plane / g.groups,
                            .group = plane % g.groups,
                            .begin = begin,
                            .end = std::min(begin + pixels, out_plane),
                            .scratch = scratch});
  });
}

// Whether Winograd's tiles pay: their transforms cost as much as a few channels.
bool by_winograd(const Conv2dGeometry& g) {
  return kernels().winograd && g.groups == 1 && g.kernel_h == 3 && g.kernel_w == 3 &&
         g.stride == 1 && g.dilation == 1 && g.in_channels >= 16 && g.out_channels >= 16 &&
         g.out_h >= 4 && g.out_w >= 4;
}

void run_winograd(const Conv2dArgs<float>& args, Index batch) {
  const Conv2dGeometry& g = args.geometry;
  Tensor weights = Tensor::empty({36, g.out_channels, g.in_channels});
  float* u = weights.data<float>();
  kernels().winograd_weights(g, args.w, u);
  // About 128 tiles a call, in calls of equal size.
  const Index tile_rows = ceil_div(g.out_h, 4);
  const Index most = std::clamp<Index>(128 / ceil_div(g.out_w, 4), 1, tile_rows);
  const Index parts = ceil_div(tile_rows, most), rows = ceil_div(tile_rows, parts);
  const auto kernel = kernels().winograd;
  parallel_for(batch * parts, kernels().winograd_scratch_bytes(g, rows),
               [&](Index chunk, std::byte* scratch) {
                 const Index begin = chunk % parts * rows;
                 if (begin >= tile_rows) return;
                 kernel(args, u,
                        Conv2dTile{.image = chunk / parts,
                                   .group = 0,
                                   .begin = begin,
                                   .end = std::min(begin + rows, tile_rows),
                                   .scratch = scratch});
               });
}

}  // namespace

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
  const auto run = [&]<class T>(T, auto kernel, auto scratch_bytes) {
    const Conv2dArgs<T> args{.x = x.data<T>(),
                             .w = w.data<T>(),
                             .b = b.numel() ? b.data<T>() : nullptr,
                             .y = y.data<T>(),
                             .geometry = geometry};
    if constexpr (std::is_same_v<T, float>) {
      if (by_winograd(geometry)) return run_winograd(args, y.shape()[0]);
    }
    const Index pixels = pixels_per_chunk(geometry.in_channels, geometry.out_h * geometry.out_w);
    run_tiles(args, y.shape()[0], pixels, scratch_bytes(pixels), kernel);
  };
  if (x.dtype() == DType::f64) {
    run(double{}, reference::conv2d<double>, [](Index) { return std::size_t{0}; });
  } else {
    run(float{}, kernels().conv2d,
        [&](Index pixels) { return kernels().conv2d_scratch_bytes(geometry, pixels); });
  }
}

}  // namespace rf
