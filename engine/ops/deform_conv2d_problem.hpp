// A deformable convolution cut into chunks of output pixels: of each the samples are taken, then
// multiplied by the weights. The operation, its gradients and the steps of a plan share it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"

namespace rf {

// A product of matrices as a 1x1 convolution of one row of pixels.
[[nodiscard]] inline Conv2dGeometry deform_product(Index in_channels, Index out_channels,
                                                   Index pixels) {
  return {.groups = 1,
          .in_channels = in_channels,
          .out_channels = out_channels,
          .in_h = 1,
          .in_w = pixels,
          .out_h = 1,
          .out_w = pixels,
          .kernel_h = 1,
          .kernel_w = 1,
          .stride = 1,
          .pad_h = 0,
          .pad_w = 0,
          .dilation = 1};
}

// The kernels of an element type, of the table in use.
template <class T>
struct DeformKernels {
  decltype(&reference::conv2d<T>) conv2d = reference::conv2d<T>;
  decltype(&reference::deform_sample<T>) sample = reference::deform_sample<T>;
  decltype(&reference::deform_sample_grads<T>) sample_grads = reference::deform_sample_grads<T>;
  decltype(&reference::deform_scatter<T>) scatter = reference::deform_scatter<T>;

  DeformKernels() {
    if constexpr (std::is_same_v<T, float>) {
      const KernelTable& table = kernels();
      conv2d = table.conv2d;
      sample = table.deform_sample;
      sample_grads = table.deform_sample_grads;
      scatter = table.deform_scatter;
    }
  }
};

// Shapes as DeformConv2dInputs; nullptr for mask, b and slope: 1, 0, no activation behind it.
template <class T>
struct DeformConv2dData {
  const T *x, *offset, *mask, *w, *b;
  const T* slope = nullptr;   // [K], as Conv2dArgs
  const T* x_last = nullptr;  // x as [N, H, W, C]; nullptr where that would not pay
};

// Whether samples of so many channels are taken faster from x_last, the time to make it included.
[[nodiscard]] inline bool deform_wants_channels_last(Index channels) { return channels >= 16; }

template <class T>
struct DeformConv2dProblem {
  // Output pixels of a chunk: whole tiles of the kernels, and few enough that the samples of 256
  // channels stay in a second-level cache.
  static constexpr Index kPixels = 96;

  DeformConv2dData<T> data;
  Conv2dGeometry g;
  Index deform_groups, channels, taps, rows;  // rows: of one group's samples
  Index pixels, chunks;                       // of one image
  DeformKernels<T> kernels;

  DeformConv2dProblem(const DeformConv2dData<T>& from, const Conv2dGeometry& geometry, Index parts)
      : data(from),
        g(geometry),
        deform_groups(parts),
        channels(g.groups * g.in_channels),
        taps(g.kernel_h * g.kernel_w),
        rows(g.in_channels * taps),
        pixels(g.out_h * g.out_w),
        chunks(ceil_div(pixels, kPixels)) {}

  [[nodiscard]] DeformArgs<T> image(Index n) const {
    const Index places = deform_groups * taps * pixels;
    return {.x = data.x + n * channels * g.in_h * g.in_w,
            .offset = data.offset + n * 2 * places,
            .mask = data.mask ? data.mask + n * places : nullptr,
            .geometry = g,
            .channels = channels,
            .deform_groups = deform_groups,
            .x_last = data.x_last ? data.x_last + n * channels * g.in_h * g.in_w : nullptr};
  }
  [[nodiscard]] Index end_of(Index begin) const { return std::min(begin + kPixels, pixels); }
  [[nodiscard]] DeformRange range(Index group, Index begin) const {
    return {.first_channel = group * g.in_channels,
            .last_channel = (group + 1) * g.in_channels,
            .begin = begin,
            .end = end_of(begin)};
  }

  // Of elements, in whole cache lines.
  [[nodiscard]] static std::size_t bytes_of(Index elements) {
    return (static_cast<std::size_t>(elements) * sizeof(T) + 63) / 64 * 64;
  }
  [[nodiscard]] std::size_t columns_bytes() const { return bytes_of(rows * kPixels + kReadAfter); }
  // What run() needs: one group's samples, then what the product needs of its own.
  [[nodiscard]] std::size_t scratch_bytes() const {
    return columns_bytes() + rf::kernels().conv2d_scratch_bytes(
                                 deform_product(rows, g.out_channels, kPixels), kPixels);
  }

  // Writes the output pixels of one chunk, of [0, images x chunks), to y [N, K, OH, OW].
  void run(Index chunk, T* y, std::byte* scratch) const noexcept {
    auto* columns = reinterpret_cast<T*>(scratch);
    const Index n = chunk / chunks, begin = chunk % chunks * kPixels;
    const Index count = end_of(begin) - begin;
    for (Index group = 0; group < g.groups; ++group) {
      kernels.sample(image(n), range(group, begin), columns, kPixels);
      const Index first = group * g.out_channels;
      kernels.conv2d(
          {.x = columns,
           .w = data.w + first * rows,
           .b = data.b ? data.b + first : nullptr,
           .y = y + (n * g.groups * g.out_channels + first) * pixels + begin,
           .geometry = deform_product(rows, g.out_channels, count),
           .slope = data.slope ? data.slope + first : nullptr,
           .x_pitch = kPixels,
           .y_pitch = pixels},
          {.image = 0, .group = 0, .begin = 0, .end = count, .scratch = scratch + columns_bytes()});
    }
  }
};

}  // namespace rf
