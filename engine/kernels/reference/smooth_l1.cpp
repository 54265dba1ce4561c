#include <cmath>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void smooth_l1(const SmoothL1Args<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) {
    const T d = a.x[i] - a.target[i], size = std::abs(d);
    a.y[i] = size < a.beta ? d / 2 * (d / a.beta) : size - a.beta / 2;
  }
}

template <class T>
void smooth_l1_grad(const SmoothL1GradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) {
    const T d = a.x[i] - a.target[i];
    const T sign = d > 0 ? T(1) : d < 0 ? T(-1) : d;  // d: a zero, or a NaN that must not get lost
    a.gx[i] = a.gy[i] * (std::abs(d) < a.beta ? d / a.beta : sign);
  }
}

template void smooth_l1(const SmoothL1Args<float>&, Index, Index) noexcept;
template void smooth_l1(const SmoothL1Args<double>&, Index, Index) noexcept;
template void smooth_l1_grad(const SmoothL1GradArgs<float>&, Index, Index) noexcept;
template void smooth_l1_grad(const SmoothL1GradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
