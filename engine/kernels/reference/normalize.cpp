#include <cmath>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

// In double, so that squares of small or large floats neither vanish nor overflow.
template <class T>
double dot(const T* a, const T* b, Index size) noexcept {
  double sum = 0;
  for (Index i = 0; i < size; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace

template <class T>
void normalize(const NormalizeArgs<T>& a, Index begin, Index end) noexcept {
  for (Index v = begin; v < end; ++v) {
    const T* x = a.x + v * a.size;
    const double length = std::sqrt(dot(x, x, a.size));
    const double divisor = length <= a.eps ? a.eps : length;  // a NaN stays
    for (Index i = 0; i < a.size; ++i)
      a.y[v * a.size + i] = static_cast<T>(static_cast<double>(x[i]) / divisor);
  }
}

template <class T>
void normalize_grad(const NormalizeGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index v = begin; v < end; ++v) {
    const T *x = a.x + v * a.size, *gy = a.gy + v * a.size;
    const double length = std::sqrt(dot(x, x, a.size));
    const bool constant = length <= a.eps;
    const double divisor = constant ? a.eps : length;
    const double along = constant ? 0 : dot(x, gy, a.size) / length;  // <y, gy>
    for (Index i = 0; i < a.size; ++i) {
      const double y = static_cast<double>(x[i]) / divisor;
      a.gx[v * a.size + i] = static_cast<T>((static_cast<double>(gy[i]) - y * along) / divisor);
    }
  }
}

template void normalize(const NormalizeArgs<float>&, Index, Index) noexcept;
template void normalize(const NormalizeArgs<double>&, Index, Index) noexcept;
template void normalize_grad(const NormalizeGradArgs<float>&, Index, Index) noexcept;
template void normalize_grad(const NormalizeGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
