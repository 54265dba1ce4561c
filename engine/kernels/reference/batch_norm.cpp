#include <cmath>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

template <class T>
T normalised(const BatchNormFunction<T>& f, Index c, T x) noexcept {
  return f.gamma[c] * (x - f.mean[c]) / std::sqrt(f.var[c] + f.eps) + f.beta[c];
}

// slope times a value; slope 0 is a case of its own, as 0 times infinity would be a NaN.
template <class T>
T below_zero(const BatchNormFunction<T>& f, T value) noexcept {
  return f.slope == 0 ? T(0) : f.slope * value;
}

// f'(z) gy
template <class T>
T through_activation(const BatchNormFunction<T>& f, Index c, T x, T gy) noexcept {
  return normalised(f, c, x) > 0 ? gy : below_zero(f, gy);
}

}  // namespace

template <class T>
void batch_norm(const BatchNormArgs<T>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    for (Index i = plane * a.f.plane; i < (plane + 1) * a.f.plane; ++i) {
      const T z = normalised(a.f, plane % a.f.channels, a.x[i]);
      a.y[i] = z <= 0 ? below_zero(a.f, z) : z;  // a NaN compares false and stays
    }
  }
}

template <class T>
void batch_norm_moments(const BatchNormMomentsArgs<T>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const T* x = a.x + plane * a.plane;
    double sum = 0, squares = 0;
    for (Index i = 0; i < a.plane; ++i) sum += static_cast<double>(x[i]);
    const double mean = sum / static_cast<double>(a.plane);
    for (Index i = 0; i < a.plane; ++i) {
      const double deviation = static_cast<double>(x[i]) - mean;
      squares += deviation * deviation;
    }
    a.mean[plane] = mean;
    a.m2[plane] = squares;
  }
}

template <class T>
void batch_norm_products(const BatchNormProductsArgs<T>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const Index c = plane % a.f.channels;
    const double mean = static_cast<double>(a.f.mean[c]);
    double sum_gz = 0, sum_gzx = 0;
    for (Index i = plane * a.f.plane; i < (plane + 1) * a.f.plane; ++i) {
      const auto gz = static_cast<double>(through_activation(a.f, c, a.x[i], a.gy[i]));
      sum_gz += gz;
      sum_gzx += gz * (static_cast<double>(a.x[i]) - mean);
    }
    a.sum_gz[plane] = sum_gz;
    a.sum_gzx[plane] = sum_gzx;
  }
}

template <class T>
void batch_norm_grad(const BatchNormGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const Index c = plane % a.f.channels;
    for (Index i = plane * a.f.plane; i < (plane + 1) * a.f.plane; ++i) {
      const T gz = through_activation(a.f, c, a.x[i], a.gy[i]);
      a.gx[i] = a.a[c] * gz + a.b[c] * a.x[i] + a.c[c];
    }
  }
}

template void batch_norm(const BatchNormArgs<float>&, Index, Index) noexcept;
template void batch_norm(const BatchNormArgs<double>&, Index, Index) noexcept;
template void batch_norm_moments(const BatchNormMomentsArgs<float>&, Index, Index) noexcept;
template void batch_norm_moments(const BatchNormMomentsArgs<double>&, Index, Index) noexcept;
template void batch_norm_products(const BatchNormProductsArgs<float>&, Index, Index) noexcept;
template void batch_norm_products(const BatchNormProductsArgs<double>&, Index, Index) noexcept;
template void batch_norm_grad(const BatchNormGradArgs<float>&, Index, Index) noexcept;
template void batch_norm_grad(const BatchNormGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
