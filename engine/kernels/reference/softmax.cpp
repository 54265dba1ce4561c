#include "engine/kernels/reference.hpp"
#include "engine/math.hpp"

namespace rf::reference {

template <class T>
void softmax(const SoftmaxArgs<T>& a, Index begin, Index end) noexcept {
  for (Index line = begin; line < end; ++line) {
    const Index start = line / a.inner * a.size * a.inner + line % a.inner;
    const T* x = a.x + start;
    T* y = a.y + start;
    T max = x[0];
    for (Index i = 1; i < a.size; ++i) max = x[i * a.inner] > max ? x[i * a.inner] : max;
    T sum = 0;
    for (Index i = 0; i < a.size; ++i) sum += exp(x[i * a.inner] - max);
    for (Index i = 0; i < a.size; ++i) y[i * a.inner] = exp(x[i * a.inner] - max) / sum;
  }
}

template <class T>
void softmax_grad(const SoftmaxGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index line = begin; line < end; ++line) {
    const Index start = line / a.inner * a.size * a.inner + line % a.inner;
    const T *gy = a.gy + start, *y = a.y + start;
    T* gx = a.gx + start;
    T sum = 0;
    for (Index i = 0; i < a.size; ++i) sum += gy[i * a.inner] * y[i * a.inner];
    for (Index i = 0; i < a.size; ++i) gx[i * a.inner] = y[i * a.inner] * (gy[i * a.inner] - sum);
  }
}

template void softmax(const SoftmaxArgs<float>&, Index, Index) noexcept;
template void softmax(const SoftmaxArgs<double>&, Index, Index) noexcept;
template void softmax_grad(const SoftmaxGradArgs<float>&, Index, Index) noexcept;
template void softmax_grad(const SoftmaxGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
