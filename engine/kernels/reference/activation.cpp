#include "engine/kernels/reference.hpp"
#include "engine/math.hpp"

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

template <class T>
void leaky_relu_grad(const LeakyReluGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) {
    if (a.y[i] > 0)
      a.gx[i] = a.gy[i];
    else
      a.gx[i] = a.slope == 0 ? T(0) : a.slope * a.gy[i];
  }
}

template <class T>
void elu(const EluArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i)
    a.y[i] = a.x[i] > 0 ? a.x[i] : a.alpha * expm1(a.x[i]);  // a NaN goes through expm1
}

template <class T>
void elu_grad(const EluGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.gx[i] = a.y[i] > 0 ? a.gy[i] : (a.y[i] + a.alpha) * a.gy[i];
}

// By e^-|x|, which cannot overflow; a small y for x < 0 keeps its digits.
template <class T>
void sigmoid(const UnaryArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) {
    const auto x = static_cast<double>(a.x[i]);
    const double e = exp(x > 0 ? -x : x);
    a.y[i] = static_cast<T>((x > 0 ? 1 : e) / (1 + e));
  }
}

template <class T>
void sigmoid_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.gx[i] = a.gy[i] * a.saved[i] * (1 - a.saved[i]);
}

template <class T>
void hyperbolic_tangent(const UnaryArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i) a.y[i] = tanh(a.x[i]);
}

template <class T>
void hyperbolic_tangent_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index i = begin; i < end; ++i)
    a.gx[i] = a.gy[i] * ((1 - a.saved[i]) * (1 + a.saved[i]));  // 1 - y y, near |y| = 1 too
}

template void relu(const ReluArgs<float>&, Index, Index) noexcept;
template void relu(const ReluArgs<double>&, Index, Index) noexcept;
template void leaky_relu(const LeakyReluArgs<float>&, Index, Index) noexcept;
template void leaky_relu(const LeakyReluArgs<double>&, Index, Index) noexcept;
template void leaky_relu_grad(const LeakyReluGradArgs<float>&, Index, Index) noexcept;
template void leaky_relu_grad(const LeakyReluGradArgs<double>&, Index, Index) noexcept;
template void elu(const EluArgs<float>&, Index, Index) noexcept;
template void elu(const EluArgs<double>&, Index, Index) noexcept;
template void elu_grad(const EluGradArgs<float>&, Index, Index) noexcept;
template void elu_grad(const EluGradArgs<double>&, Index, Index) noexcept;
template void sigmoid(const UnaryArgs<float>&, Index, Index) noexcept;
template void sigmoid(const UnaryArgs<double>&, Index, Index) noexcept;
template void sigmoid_grad(const UnaryGradArgs<float>&, Index, Index) noexcept;
template void sigmoid_grad(const UnaryGradArgs<double>&, Index, Index) noexcept;
template void hyperbolic_tangent(const UnaryArgs<float>&, Index, Index) noexcept;
template void hyperbolic_tangent(const UnaryArgs<double>&, Index, Index) noexcept;
template void hyperbolic_tangent_grad(const UnaryGradArgs<float>&, Index, Index) noexcept;
template void hyperbolic_tangent_grad(const UnaryGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
