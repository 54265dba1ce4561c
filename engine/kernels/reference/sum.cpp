#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void sum(const SumArgs<T>& a, Index begin, Index end) noexcept {
  for (Index e = begin; e < end; ++e) {
    const T* x = a.x + e / a.inner * a.size * a.inner + e % a.inner;
    double total = 0;
    for (Index s = 0; s < a.size; ++s) total += static_cast<double>(x[s * a.inner]);
    a.y[e] = static_cast<T>(total);
  }
}

template void sum(const SumArgs<float>&, Index, Index) noexcept;
template void sum(const SumArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
