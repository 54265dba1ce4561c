#include <cmath>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

template <class T>
void batch_norm(const BatchNormArgs<T>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const Index c = plane % a.channels;
    const T inverse_deviation = 1 / std::sqrt(a.var[c] + a.eps);
    for (Index i = plane * a.plane; i < (plane + 1) * a.plane; ++i) {
      a.y[i] = a.gamma[c] * (a.x[i] - a.mean[c]) * inverse_deviation + a.beta[c];
    }
  }
}

template void batch_norm(const BatchNormArgs<float>&, Index, Index) noexcept;
template void batch_norm(const BatchNormArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
