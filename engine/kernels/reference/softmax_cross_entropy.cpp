#include "engine/kernels/reference.hpp"
#include "engine/math.hpp"

namespace rf::reference {

namespace {

// log sum_c exp(x[c]) = max + log sum. The parts are in double for either T: a row that is right by
// a wide margin has a loss near 0, and its sum is so close to 1 that a float could not tell.
struct LogSumExp {
  double max, sum;

  template <class T>
  LogSumExp(const T* x, Index classes) : max(static_cast<double>(x[0])), sum(0) {
    for (Index c = 1; c < classes; ++c) {
      const auto value = static_cast<double>(x[c]);
      max = value > max ? value : max;
    }
    for (Index c = 0; c < classes; ++c) sum += rf::exp(static_cast<double>(x[c]) - max);
  }
};

}  // namespace

template <class T>
void softmax_cross_entropy(const SoftmaxCrossEntropyArgs<T>& a, Index begin, Index end) noexcept {
  for (Index r = begin; r < end; ++r) {
    if (a.label[r] == -1) {
      a.y[r] = 0;
      continue;
    }
    const T* x = a.x + r * a.classes;
    const LogSumExp row(x, a.classes);
    a.y[r] = static_cast<T>(rf::log(row.sum) + (row.max - static_cast<double>(x[a.label[r]])));
  }
}

template <class T>
void softmax_cross_entropy_grad(const SoftmaxCrossEntropyGradArgs<T>& a, Index begin,
                                Index end) noexcept {
  for (Index r = begin; r < end; ++r) {
    const T* x = a.x + r * a.classes;
    T* gx = a.gx + r * a.classes;
    if (a.label[r] == -1) {
      for (Index c = 0; c < a.classes; ++c) gx[c] = 0;
      continue;
    }
    const LogSumExp row(x, a.classes);
    const auto gy = static_cast<double>(a.gy[r]);
    for (Index c = 0; c < a.classes; ++c) {
      const double softmax = rf::exp(static_cast<double>(x[c]) - row.max) / row.sum;
      gx[c] = static_cast<T>(gy * (softmax - (c == a.label[r] ? 1 : 0)));
    }
  }
}

template void softmax_cross_entropy(const SoftmaxCrossEntropyArgs<float>&, Index, Index) noexcept;
template void softmax_cross_entropy(const SoftmaxCrossEntropyArgs<double>&, Index, Index) noexcept;
template void softmax_cross_entropy_grad(const SoftmaxCrossEntropyGradArgs<float>&, Index,
                                         Index) noexcept;
template void softmax_cross_entropy_grad(const SoftmaxCrossEntropyGradArgs<double>&, Index,
                                         Index) noexcept;

}  // namespace rf::reference
