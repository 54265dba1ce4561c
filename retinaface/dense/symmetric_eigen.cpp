#include "retinaface/dense/symmetric_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "engine/check.hpp"

namespace rf {

namespace {

constexpr int kMostSweeps = 60;

// The matrix, which rotations make diagonal, and their product, whose rows become the vectors.
class Jacobi {
 public:
  explicit Jacobi(const Tensor& a)
      : n_(a.shape()[0]),
        a_(a.span<double>().begin(), a.span<double>().end()),
        v_(static_cast<std::size_t>(n_ * n_)) {
    for (Index i = 0; i < n_; ++i) {
      v(i, i) = 1;
      for (Index j = 0; j < i; ++j) at(i, j) = at(j, i);
    }
  }

  void run() {
    for (int sweep = 0; sweep < kMostSweeps && outside() > 0; ++sweep) {
      for (Index p = 0; p < n_; ++p) {
        for (Index q = p + 1; q < n_; ++q) rotate(p, q);
      }
    }
  }

  [[nodiscard]] double value(Index i) { return at(i, i); }
  [[nodiscard]] const double* vector(Index i) const { return v_.data() + i * n_; }

 private:
  double& at(Index i, Index j) { return a_[static_cast<std::size_t>(i * n_ + j)]; }
  double& v(Index i, Index j) { return v_[static_cast<std::size_t>(i * n_ + j)]; }

  double outside() {
    double sum = 0;
    for (Index p = 0; p < n_; ++p) {
      for (Index q = p + 1; q < n_; ++q) sum += std::abs(at(p, q));
    }
    return sum;
  }

  // Makes a[p][q] zero by a rotation of rows and columns p and q, the smaller of the two angles.
  void rotate(Index p, Index q) {
    const double app = at(p, p), aqq = at(q, q), apq = at(p, q);
    if (std::abs(apq) <= 1e-17 * std::sqrt(std::abs(app) * std::abs(aqq)) || apq == 0) {
      at(p, q) = at(q, p) = 0;
      return;
    }
    const double theta = (aqq - app) / (2 * apq);
    const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
    const double c = 1 / std::sqrt(t * t + 1), s = t * c;
    for (Index k = 0; k < n_; ++k) {
      const double x = at(k, p), y = at(k, q);
      at(k, p) = c * x - s * y;
      at(k, q) = s * x + c * y;
    }
    for (Index k = 0; k < n_; ++k) {
      const double x = at(p, k), y = at(q, k);
      at(p, k) = c * x - s * y;
      at(q, k) = s * x + c * y;
    }
    for (Index k = 0; k < n_; ++k) {
      const double x = v(p, k), y = v(q, k);
      v(p, k) = c * x - s * y;
      v(q, k) = s * x + c * y;
    }
    at(p, q) = at(q, p) = 0;
  }

  Index n_;
  std::vector<double> a_, v_;
};

}  // namespace

SymmetricEigen symmetric_eigen(const Tensor& a) {
  RF_CHECK_SHAPE(a.dtype() == DType::f64 && a.shape().rank() == 2 && a.shape()[0] == a.shape()[1],
                 "symmetric_eigen", to_string(a.dtype()), " ", a.shape(), " must be f64 [n, n]");
  for (const double x : a.span<double>())
    RF_CHECK_SHAPE(std::isfinite(x), "symmetric_eigen", "an element is ", x);
  const Index n = a.shape()[0];
  Jacobi jacobi(a);
  jacobi.run();
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order,
                           [&](Index i, Index j) { return jacobi.value(i) > jacobi.value(j); });
  SymmetricEigen result{.values = Tensor::empty({n}, DType::f64),
                        .vectors = Tensor::empty({n, n}, DType::f64)};
  for (Index row = 0; row < n; ++row) {
    const Index i = order[static_cast<std::size_t>(row)];
    const double* from = jacobi.vector(i);
    const auto by_size = [](double x, double y) { return std::abs(x) < std::abs(y); };
    const double sign = *std::max_element(from, from + n, by_size) < 0 ? -1 : 1;
    result.values.data<double>()[row] = jacobi.value(i);
    for (Index k = 0; k < n; ++k) result.vectors.data<double>()[row * n + k] = sign * from[k];
  }
  return result;
}

}  // namespace rf
