#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void relu(const ReluArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i)
    a.y[i] = a.x[i] <= 0 ? T(0) : a.x[i];  // a NaN compares false and stays
}

template <class T>
void leaky_relu(const LeakyReluArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.y[i] = a.x[i] > 0 ? a.x[i] : a.slope * a.x[i];
}

template void relu(const ReluArgs<float>&, Index, Index) noexcept;
template void relu(const ReluArgs<double>&, Index, Index) noexcept;
template void leaky_relu(const LeakyReluArgs<float>&, Index, Index) noexcept;
template void leaky_relu(const LeakyReluArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
