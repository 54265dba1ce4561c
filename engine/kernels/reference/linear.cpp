#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void linear(const LinearArgs<T>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end; ++unit) {
    const Index n = unit / a.out_features, k = unit % a.out_features;
    T sum = a.b ? a.b[k] : T(0);
    for (Index c = 0; c < a.in_features; ++c)
      sum += a.w[k * a.in_features + c] * a.x[n * a.in_features + c];
    a.y[unit] = sum;
  }
}

template void linear(const LinearArgs<float>&, Index, Index) noexcept;
template void linear(const LinearArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
