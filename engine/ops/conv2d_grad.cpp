// Gradients of conv2d. dL/dx is itself a convolution: of dL/dy, with the kernel turned by 180
// degrees and its channel axes exchanged. With a stride each phase (row mod stride, column mod
// stride) of dL/dx sees a part of the taps, and is such a convolution of its own.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/conv2d.hpp"
#include "engine/ops/run.hpp"
#include "engine/ops/sum.hpp"

namespace rf {

namespace {

void check_grad(const Tensor& gy, const Shape& x, const Shape& w, const Conv2dParams& params) {
  const Shape y = conv2d_out_shape(x, w, params);
  RF_CHECK_SHAPE(gy.shape() == y, "conv2d gradient", "dL/dy is ", gy.shape(), ", the output was ",
                 y);
}

// The taps along one axis that reach input positions r = phase + stride m: tap = first + step t,
// 0 <= t < count, read by the output position m + shift - t spread.
struct PhaseTaps {
  Index first = 0, step = 1, count = 0, shift = 0, spread = 1;

  PhaseTaps(Index phase, Index kernel, Index stride, Index pad, Index dilation)
      : step(stride / std::gcd(stride, dilation)), spread(step * dilation / stride) {
    for (Index tap = kernel - 1; tap >= 0; --tap) {
      const Index reach = phase + pad - tap * dilation;
      if (reach % stride != 0) continue;
      first = tap;
      shift = reach / stride;
      ++count;
    }
  }
};

// w [groups * K, C, kh, kw] -> [groups * C, K, rows.count, columns.count], turned by 180 degrees.
Tensor turned_weights(const Tensor& w, Index groups, const PhaseTaps& rows,
                      const PhaseTaps& columns) {
  const Index k_count = w.shape()[0] / groups, c_count = w.shape()[1];
  const Index kernel_h = w.shape()[2], kernel_w = w.shape()[3];
  Tensor out = Tensor::empty({groups * c_count, k_count, rows.count, columns.count});
  const float* from = w.data<float>();
  float* to = out.data<float>();
  for (Index g = 0; g < groups; ++g) {
    for (Index c = 0; c < c_count; ++c) {
      for (Index k = 0; k < k_count; ++k) {
        const float* plane = from + ((g * k_count + k) * c_count + c) * kernel_h * kernel_w;
        for (Index u = rows.count - 1; u >= 0; --u) {
          for (Index v = columns.count - 1; v >= 0; --v) {
            *to++ =
                plane[(rows.first + rows.step * u) * kernel_w + columns.first + columns.step * v];
          }
        }
      }
    }
  }
  return out;
}

// phase [N, C, h, w] -> every stride-th row and column of gx [N, C, H, W].
void interleave(const Tensor& phase, Index row0, Index column0, Index stride, Tensor& gx) {
  const Index h = phase.shape()[2], w = phase.shape()[3], in_h = gx.shape()[2],
              in_w = gx.shape()[3];
  const float* from = phase.data<float>();
  float* to = gx.data<float>();
  for_ranges(phase.shape()[0] * phase.shape()[1], h * w, [&](Index begin, Index end) {
    for (Index plane = begin; plane < end; ++plane) {
      for (Index i = 0; i < h; ++i) {
        const float* source = from + (plane * h + i) * w;
        float* target = to + (plane * in_h + i * stride + row0) * in_w + column0;
        for (Index j = 0; j < w; ++j) target[j * stride] = source[j];
      }
    }
  });
}

void grad_input_by_phases(const Tensor& gy, const Tensor& w, const Conv2dParams& p, Tensor& gx) {
  const Shape& x = gx.shape();
  for (Index row = 0; row < std::min(p.stride, x[2]); ++row) {
    const PhaseTaps rows(row, w.shape()[2], p.stride, p.pad, p.dilation);
    for (Index column = 0; column < std::min(p.stride, x[3]); ++column) {
      const PhaseTaps columns(column, w.shape()[3], p.stride, p.pad, p.dilation);
      const Shape shape{x[0], x[1], ceil_div(x[2] - row, p.stride),
                        ceil_div(x[3] - column, p.stride)};
      Tensor phase = p.stride == 1 ? gx : Tensor::empty(shape);
      if (rows.count == 0 || columns.count == 0) {
        std::memset(phase.raw(), 0, static_cast<std::size_t>(phase.bytes()));
      } else {
        const Tensor turned = turned_weights(w, p.groups, rows, columns);
        RF_ASSERT(rows.spread == columns.spread);
        detail::run_conv2d(gy, turned, Tensor(), phase,
                           {.groups = p.groups,
                            .in_channels = turned.shape()[1],
                            .out_channels = turned.shape()[0] / p.groups,
                            .in_h = gy.shape()[2],
                            .in_w = gy.shape()[3],
                            .out_h = shape[2],
                            .out_w = shape[3],
                            .kernel_h = rows.count,
                            .kernel_w = columns.count,
                            .stride = 1,
                            .pad_h = (rows.count - 1) * rows.spread - rows.shift,
                            .pad_w = (columns.count - 1) * columns.spread - columns.shift,
                            .dilation = rows.spread});
      }
      if (p.stride > 1) interleave(phase, row, column, p.stride, gx);
    }
  }
}

// Depthwise 3x3, stride 2, pad 1: the phases of a plane at once, so that dL/dx is written in rows.
void depthwise_grad_input(const Tensor& gy, const Tensor& w, const Conv2dParams& params,
                          Tensor& gx) {
  const Shape& x = gx.shape();
  const Conv2dGradInputArgs<float> args{.gy = gy.data<float>(),
                                        .w = w.data<float>(),
                                        .gx = gx.data<float>(),
                                        .geometry = conv2d_geometry(x, w.shape(), params)};
  const auto kernel = kernels().depthwise_grad_input;
  parallel_for(x[0] * params.groups, kernels().depthwise_grad_input_scratch_bytes(args.geometry),
               [&](Index plane, std::byte* scratch) {
                 kernel(args, plane / params.groups, plane % params.groups, scratch);
               });
}

// Output rows that one call of the kernel covers: about 512 KiB of input and dL/dy, which then stay
// in the second-level cache for all pairs of channels.
Index rows_per_band(const Conv2dGeometry& g) {
  const Index row = (g.in_channels * g.stride * g.stride + g.out_channels) * g.out_w;
  const Index most = std::clamp<Index>(131072 / row, 1, g.out_h);
  return ceil_div(g.out_h, ceil_div(g.out_h, most));
}

// gw as the sum of at most kParts partial gradients, each over some images or a part of one image's
// rows; which is a matter of shapes alone. The sum is a fixed tree.
template <class T, class Kernel>
Tensor grad_weight(const Tensor& gy, const Tensor& x, const Shape& w, const Conv2dGeometry& g,
                   Index band, std::size_t scratch_bytes, Kernel kernel) {
  constexpr Index kParts = 16;
  const Index batch = x.shape()[0], bands = ceil_div(g.out_h, band);
  const Index splits = std::clamp<Index>(kParts / batch, 1, bands);
  const Index images = ceil_div(batch, kParts), parts = ceil_div(batch, images) * splits;
  const Index size = w.numel(), group_size = size / g.groups;
  Tensor partial = Tensor::empty({parts, size}, gy.dtype());
  T* sums = partial.data<T>();
  const Conv2dGradWeightArgs<T> args{.x = x.data<T>(), .gy = gy.data<T>(), .geometry = g};
  parallel_for(parts * g.groups, scratch_bytes, [&](Index chunk, std::byte* scratch) {
    const Index part = chunk / g.groups, group = chunk % g.groups;
    const Index first = part / splits * images, split = part % splits;
    T* gw = sums + part * size + group * group_size;
    std::fill(gw, gw + group_size, T(0));
    for (Index image = first; image < std::min(first + images, batch); ++image) {
      for (Index b = split * bands / splits; b < (split + 1) * bands / splits; ++b) {
        kernel(args,
               Conv2dRows{.image = image,
                          .group = group,
                          .begin = b * band,
                          .end = std::min((b + 1) * band, g.out_h),
                          .scratch = scratch},
               gw);
      }
    }
  });
  return sum(partial, std::array{0}).reshaped(w);
}

}  // namespace

Tensor conv2d_grad_input(const Tensor& gy, const Tensor& w, const Shape& x,
                         const Conv2dParams& params) {
  check_grad(gy, x, w.shape(), params);
  check_same_dtype("conv2d gradient", {&gy, &w});
  Tensor gx = Tensor::empty(x, gy.dtype());
  detail::run_conv2d_grad_input(gy, w, params, gx);
  return gx;
}

void detail::run_conv2d_grad_input(const Tensor& gy, const Tensor& w, const Conv2dParams& params,
                                   Tensor& gx) {
  const Shape& x = gx.shape();
  if (gx.numel() == 0) return;
  if (gy.numel() == 0) {
    std::memset(gx.raw(), 0, static_cast<std::size_t>(gx.bytes()));
    return;
  }
  if (gy.dtype() == DType::f32) {
    const bool depthwise = w.shape()[0] == params.groups && w.shape()[1] == 1;
    const bool by_phases = !depthwise || w.shape()[2] != 3 || w.shape()[3] != 3 ||
                           params.stride != 2 || params.pad != 1 || params.dilation != 1;
    if (by_phases)
      grad_input_by_phases(gy, w, params, gx);
    else
      depthwise_grad_input(gy, w, params, gx);
    return;
  }
  const Conv2dGradInputArgs<double> args{.gy = gy.data<double>(),
                                         .w = w.data<double>(),
                                         .gx = gx.data<double>(),
                                         .geometry = conv2d_geometry(x, w.shape(), params)};
  parallel_for(x[0] * params.groups, [&](Index chunk) {
    reference::conv2d_grad_input(args, chunk / params.groups, chunk % params.groups);
  });
}

Tensor conv2d_grad_weight(const Tensor& gy, const Tensor& x, const Shape& w,
                          const Conv2dParams& params) {
  check_grad(gy, x.shape(), w, params);
  check_same_dtype("conv2d gradient", {&gy, &x});
  if (gy.numel() == 0) return Tensor::zeros(w, gy.dtype());
  const Conv2dGeometry geometry = conv2d_geometry(x.shape(), w, params);
  const Index band = rows_per_band(geometry);
  if (gy.dtype() == DType::f64) {
    return grad_weight<double>(gy, x, w, geometry, band, 0, reference::conv2d_grad_weight<double>);
  }
  return grad_weight<float>(gy, x, w, geometry, band,
                            kernels().conv2d_grad_weight_scratch_bytes(geometry, band),
                            kernels().conv2d_grad_weight);
}

Tensor conv2d_grad_bias(const Tensor& gy) {
  RF_CHECK_SHAPE(gy.shape().rank() == 4, "conv2d gradient", "dL/dy is ", gy.shape(),
                 ", needed is [N, K, H, W]");
  return sum(gy, std::array{0, 2, 3});
}

}  // namespace rf
