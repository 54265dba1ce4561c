#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void cross(const CrossArgs<T>& args, Index begin, Index end) noexcept {
  for (Index v = begin; v < end; ++v) {
    const T *a = args.a + 3 * v, *b = args.b + 3 * v;
    T* y = args.y + 3 * v;
    y[0] = a[1] * b[2] - a[2] * b[1];
    y[1] = a[2] * b[0] - a[0] * b[2];
    y[2] = a[0] * b[1] - a[1] * b[0];
  }
}

template void cross(const CrossArgs<float>&, Index, Index) noexcept;
template void cross(const CrossArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
