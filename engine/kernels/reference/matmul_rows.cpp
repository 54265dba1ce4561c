#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void matmul_rows(const MatmulRowsArgs<T>& m, Index begin, Index end, T* /*packed*/) noexcept {
  for (Index row = begin; row < end; ++row) {
    for (Index n = 0; n < m.columns; ++n) {
      T sum = 0;
      for (Index k = 0; k < m.depth; ++k)
        sum += m.a[row * m.a_row + k * m.a_depth] * m.b[k * m.columns + n];
      m.y[row * m.columns + n] = sum;
    }
  }
}

template void matmul_rows(const MatmulRowsArgs<float>&, Index, Index, float*) noexcept;
template void matmul_rows(const MatmulRowsArgs<double>&, Index, Index, double*) noexcept;

}  // namespace rf::reference
