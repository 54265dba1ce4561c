#include <algorithm>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

// Where the maximum of output pixel (i, j)'s window lies in the plane x: the first of equal
// elements in row-major order, but the last NaN. Args: MaxPool2dArgs or MaxPool2dGradArgs.
template <class Args, class T>
Index position_of_max(const Args& a, const T* x, Index i, Index j) noexcept {
  Index best = -1;
  for (Index u = 0; u < a.kernel; ++u) {
    for (Index v = 0; v < a.kernel; ++v) {
      const Index row = i * a.stride - a.pad + u, column = j * a.stride - a.pad + v;
      if (row < 0 || row >= a.in_h || column < 0 || column >= a.in_w) continue;
      const Index at = row * a.in_w + column;
      if (best < 0 || x[at] > x[best] || x[at] != x[at])
        best = at;  // once best is a NaN, nothing is above it
    }
  }
  return best;
}

}  // namespace

template <class T>
void max_pool2d(const MaxPool2dArgs<T>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end; ++unit) {
    const T* x = a.x + unit / a.out_h * a.in_h * a.in_w;
    for (Index j = 0; j < a.out_w; ++j)
      a.y[unit * a.out_w + j] = x[position_of_max(a, x, unit % a.out_h, j)];
  }
}

template <class T>
void max_pool2d_grad(const MaxPool2dGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const T* x = a.x + plane * a.in_h * a.in_w;
    const T* gy = a.gy + plane * a.out_h * a.out_w;
    T* gx = a.gx + plane * a.in_h * a.in_w;
    std::fill(gx, gx + a.in_h * a.in_w, T(0));
    for (Index i = 0; i < a.out_h; ++i) {
      for (Index j = 0; j < a.out_w; ++j) gx[position_of_max(a, x, i, j)] += gy[i * a.out_w + j];
    }
  }
}

template void max_pool2d(const MaxPool2dArgs<float>&, Index, Index) noexcept;
template void max_pool2d(const MaxPool2dArgs<double>&, Index, Index) noexcept;
template void max_pool2d_grad(const MaxPool2dGradArgs<float>&, Index, Index) noexcept;
template void max_pool2d_grad(const MaxPool2dGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
