#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void scatter_add(const ScatterAddArgs<T>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end; ++unit) {
    const Index o = unit / a.size, p = unit % a.size;
    T* y = a.y + unit * a.inner;
    for (Index r = 0; r < a.inner; ++r) y[r] = 0;
    for (Index i = a.list_begin[p]; i < a.list_begin[p + 1]; ++i) {
      const T* x = a.x + (o * a.count + a.list[i]) * a.inner;
      for (Index r = 0; r < a.inner; ++r) y[r] += x[r];
    }
  }
}

template void scatter_add(const ScatterAddArgs<float>&, Index, Index) noexcept;
template void scatter_add(const ScatterAddArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
