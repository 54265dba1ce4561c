#include <algorithm>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

// Calls f(tap, position in the input, whose channels are `plane` apart) for every tap of output
// pixel (i, j) that lies inside the image. Forward and gradients walk the same taps.
template <class F>
void for_each_tap(const Conv2dGeometry& a, Index plane, Index i, Index j, F&& f) noexcept {
  for (Index c = 0; c < a.in_channels; ++c) {
    for (Index u = 0; u < a.kernel_h; ++u) {
      for (Index v = 0; v < a.kernel_w; ++v) {
        const Index row = i * a.stride - a.pad_h + u * a.dilation;
        const Index column = j * a.stride - a.pad_w + v * a.dilation;
        if (row < 0 || row >= a.in_h || column < 0 || column >= a.in_w) continue;
        f((c * a.kernel_h + u) * a.kernel_w + v, c * plane + row * a.in_w + column);
      }
    }
  }
}

}  // namespace

template <class T>
void conv2d(const Conv2dArgs<T>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index in_plane = args.x_plane(), out_plane = args.y_plane();
  const Index taps = a.in_channels * a.kernel_h * a.kernel_w,
              group = tile.image * a.groups + tile.group;
  const T* x = args.x + group * a.in_channels * in_plane;
  const T* w = args.w + tile.group * a.out_channels * taps;
  const Conv2dPart<T> whole{.y = args.y + group * a.out_channels * out_plane,
                            .channels = a.out_channels};
  const Conv2dPart<T>* part = args.parts ? args.parts : &whole;
  Index first = 0;  // channel of the part
  for (Index k = tile.first_channel; k < std::min(a.out_channels, tile.last_channel); ++k) {
    while (k - first >= part->channels) first += part++->channels;
    T* y = part->y + (k - first) * out_plane;
    const Index channel = tile.group * a.out_channels + k;
    for (Index pixel = tile.begin; pixel < tile.end; ++pixel) {
      T sum = args.b ? args.b[channel] : T(0);
      for_each_tap(a, in_plane, pixel / a.out_w, pixel % a.out_w,
                   [&](Index tap, Index position) { sum += w[k * taps + tap] * x[position]; });
      if (args.residual) {
        sum += args.residual[(group * a.out_channels + k) * out_plane + pixel];
      }
      y[pixel] = sum > 0 || !args.slope ? sum : args.slope[channel] * sum;
    }
  }
}

template <class T>
void conv2d_grad_input(const Conv2dGradInputArgs<T>& args, Index image,
                       Index group_index) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index out_plane = a.out_h * a.out_w, in_size = a.in_channels * a.in_h * a.in_w;
  const Index taps = a.in_channels * a.kernel_h * a.kernel_w,
              group = image * a.groups + group_index;
  const T* w = args.w + group_index * a.out_channels * taps;
  const T* gy = args.gy + group * a.out_channels * out_plane;
  T* gx = args.gx + group * in_size;
  for (Index p = 0; p < in_size; ++p) gx[p] = 0;
  for (Index k = 0; k < a.out_channels; ++k) {
    for (Index pixel = 0; pixel < out_plane; ++pixel) {
      const T g = gy[k * out_plane + pixel];
      for_each_tap(a, a.in_h * a.in_w, pixel / a.out_w, pixel % a.out_w,
                   [&](Index tap, Index position) { gx[position] += w[k * taps + tap] * g; });
    }
  }
}

template <class T>
void conv2d_grad_weight(const Conv2dGradWeightArgs<T>& args, const Conv2dRows& band,
                        T* gw) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index out_plane = a.out_h * a.out_w, group = band.image * a.groups + band.group;
  const Index taps = a.in_channels * a.kernel_h * a.kernel_w;
  const T* x = args.x + group * a.in_channels * a.in_h * a.in_w;
  const T* gy = args.gy + group * a.out_channels * out_plane;
  for (Index k = 0; k < a.out_channels; ++k) {
    for (Index pixel = band.begin * a.out_w; pixel < band.end * a.out_w; ++pixel) {
      const T g = gy[k * out_plane + pixel];
      for_each_tap(a, a.in_h * a.in_w, pixel / a.out_w, pixel % a.out_w,
                   [&](Index tap, Index position) { gw[k * taps + tap] += g * x[position]; });
    }
  }
}

template void conv2d(const Conv2dArgs<float>&, const Conv2dTile&) noexcept;
template void conv2d(const Conv2dArgs<double>&, const Conv2dTile&) noexcept;
template void conv2d_grad_input(const Conv2dGradInputArgs<float>&, Index, Index) noexcept;
template void conv2d_grad_input(const Conv2dGradInputArgs<double>&, Index, Index) noexcept;
template void conv2d_grad_weight(const Conv2dGradWeightArgs<float>&, const Conv2dRows&,
                                 float*) noexcept;
template void conv2d_grad_weight(const Conv2dGradWeightArgs<double>&, const Conv2dRows&,
                                 double*) noexcept;

}  // namespace rf::reference
