#include <limits>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void max_pool2d(const MaxPool2dArgs<T>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end; ++unit) {
    const Index i = unit % a.out_h;
    const T* x = a.x + unit / a.out_h * a.in_h * a.in_w;
    for (Index j = 0; j < a.out_w; ++j) {
      T best = -std::numeric_limits<T>::infinity();
      for (Index u = 0; u < a.kernel; ++u) {
        for (Index v = 0; v < a.kernel; ++v) {
          const Index row = i * a.stride - a.pad + u, column = j * a.stride - a.pad + v;
          if (row < 0 || row >= a.in_h || column < 0 || column >= a.in_w) continue;
          const T value = x[row * a.in_w + column];
          if (value > best || value != value)
            best = value;  // once best is NaN, nothing is above it
        }
      }
      a.y[unit * a.out_w + j] = best;
    }
  }
}

template void max_pool2d(const MaxPool2dArgs<float>&, Index, Index) noexcept;
template void max_pool2d(const MaxPool2dArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
