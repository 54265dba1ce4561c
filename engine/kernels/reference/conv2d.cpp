#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void conv2d(const Conv2dArgs<T>& a, const Conv2dTile& tile) noexcept {
  const Index in_plane = a.in_h * a.in_w, out_plane = a.out_h * a.out_w;
  const T* x = a.x + (tile.image * a.groups + tile.group) * a.in_channels * in_plane;
  T* y = a.y + (tile.image * a.groups + tile.group) * a.out_channels * out_plane;
  const T* w = a.w + tile.group * a.out_channels * a.in_channels * a.kernel_h * a.kernel_w;
  for (Index k = 0; k < a.out_channels; ++k) {
    for (Index pixel = tile.begin; pixel < tile.end; ++pixel) {
      const Index i = pixel / a.out_w, j = pixel % a.out_w;
      T sum = a.b ? a.b[tile.group * a.out_channels + k] : T(0);
      for (Index c = 0; c < a.in_channels; ++c) {
        for (Index u = 0; u < a.kernel_h; ++u) {
          for (Index v = 0; v < a.kernel_w; ++v) {
            const Index row = i * a.stride - a.pad + u * a.dilation,
                        column = j * a.stride - a.pad + v * a.dilation;
            if (row < 0 || row >= a.in_h || column < 0 || column >= a.in_w) continue;
            sum += w[((k * a.in_channels + c) * a.kernel_h + u) * a.kernel_w + v] *
                   x[c * in_plane + row * a.in_w + column];
          }
        }
      }
      y[k * out_plane + pixel] = sum;
    }
  }
}

template void conv2d(const Conv2dArgs<float>&, const Conv2dTile&) noexcept;
template void conv2d(const Conv2dArgs<double>&, const Conv2dTile&) noexcept;

}  // namespace rf::reference
