#include "engine/kernels/reference.hpp"
#include "engine/math.hpp"

namespace rf::reference {

template <class T>
void exponential(const UnaryArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.y[i] = exp(a.x[i]);
}

template <class T>
void exponential_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.gx[i] = a.gy[i] * a.saved[i];  // y
}

template <class T>
void logarithm(const UnaryArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.y[i] = log(a.x[i]);
}

template <class T>
void logarithm_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.gx[i] = a.gy[i] / a.saved[i];  // x
}

template void exponential(const UnaryArgs<float>&, Index, Index) noexcept;
template void exponential(const UnaryArgs<double>&, Index, Index) noexcept;
template void exponential_grad(const UnaryGradArgs<float>&, Index, Index) noexcept;
template void exponential_grad(const UnaryGradArgs<double>&, Index, Index) noexcept;
template void logarithm(const UnaryArgs<float>&, Index, Index) noexcept;
template void logarithm(const UnaryArgs<double>&, Index, Index) noexcept;
template void logarithm_grad(const UnaryGradArgs<float>&, Index, Index) noexcept;
template void logarithm_grad(const UnaryGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
