#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void upsample_nearest_grad(const UpsampleNearestGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end; ++unit) {
    const Index p = unit % a.in_h;
    const T* gy = a.gy + unit / a.in_h * a.out_h * a.out_w;
    for (Index q = 0; q < a.in_w; ++q) {
      double total = 0;
      for (Index i = a.rows[p]; i < a.rows[p + 1]; ++i) {
        for (Index j = a.columns[q]; j < a.columns[q + 1]; ++j)
          total += static_cast<double>(gy[i * a.out_w + j]);
      }
      a.gx[unit * a.in_w + q] = static_cast<T>(total);
    }
  }
}

template void upsample_nearest_grad(const UpsampleNearestGradArgs<float>&, Index, Index) noexcept;
template void upsample_nearest_grad(const UpsampleNearestGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
