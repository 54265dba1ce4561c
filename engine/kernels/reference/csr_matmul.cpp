#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void csr_matmul(const CsrMatmulArgs<T>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end; ++unit) {
    const Index o = unit / a.rows, r = unit % a.rows;
    T* y = a.y + unit * a.features;
    for (Index f = 0; f < a.features; ++f) y[f] = 0;
    for (Index e = a.row_begin[r]; e < a.row_begin[r + 1]; ++e) {
      const T value = static_cast<T>(a.value[e]);
      const T* x = a.x + (o * a.columns + a.column[e]) * a.features;
      for (Index f = 0; f < a.features; ++f) y[f] += value * x[f];
    }
    for (Index f = 0; f < a.features; ++f) {
      const Index place = unit * a.features + f;
      y[f] = a.factor * y[f] - (a.minus ? a.minus[place] : T(0)) + (a.plus ? a.plus[place] : T(0));
    }
  }
}

template void csr_matmul(const CsrMatmulArgs<float>&, Index, Index) noexcept;
template void csr_matmul(const CsrMatmulArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
