#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void add(const AddArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.y[i] = a.a[i] + a.b[i];
}

template void add(const AddArgs<float>&, Index, Index) noexcept;
template void add(const AddArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
