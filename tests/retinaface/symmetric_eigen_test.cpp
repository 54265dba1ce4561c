#include "retinaface/dense/symmetric_eigen.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/ops/matmul.hpp"
#include "engine/ops/permute.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("symmetric_eigen: by hand", "[eigen][golden]") {
  const SymmetricEigen e = symmetric_eigen(tensor({2, 2}, {2, 1, 1, 2}, DType::f64));
  const double half = std::sqrt(0.5);
  CHECK(relative_error(e.values, tensor({2}, {3, 1}, DType::f64)) < 1e-15);
  CHECK(relative_error(e.vectors, tensor({2, 2}, {half, half, half, -half}, DType::f64)) < 1e-15);
  const SymmetricEigen diagonal =
      symmetric_eigen(tensor({3, 3}, {-1, 0, 0, 0, 5, 0, 0, 0, 2}, DType::f64));
  CHECK(same_bits(diagonal.values, tensor({3}, {5, 2, -1}, DType::f64)));
  CHECK(symmetric_eigen(Tensor::zeros({0, 0}, DType::f64)).values.numel() == 0);
}

TEST_CASE("symmetric_eigen: vectors are orthonormal, and what the matrix stretches",
          "[eigen][property]") {
  for (const Index n : {1, 2, 7, 60}) {
    const Tensor b = random_tensor({n, 5}, 1, DType::f64);  // a matrix of rank 5
    const Tensor a = matmul(b, permute(b, std::array{1, 0}));
    const SymmetricEigen e = symmetric_eigen(a);
    const Tensor turned = permute(e.vectors, std::array{1, 0});
    Tensor unit = Tensor::zeros({n, n}, DType::f64), stretched = turned.clone();
    for (Index i = 0; i < n; ++i) {
      unit.data<double>()[i * n + i] = 1;
      for (Index k = 0; k < n; ++k)
        stretched.data<double>()[i * n + k] *= std::as_const(e.values).data<double>()[k];
      if (i > 0)
        CHECK(std::as_const(e.values).data<double>()[i] <=
              std::as_const(e.values).data<double>()[i - 1]);
    }
    CHECK(relative_error(matmul(e.vectors, turned), unit) < 1e-13);
    CHECK(relative_error(matmul(a, turned), stretched) < 1e-12);
    if (n > 5) CHECK(std::abs(std::as_const(e.values).data<double>()[5]) < 1e-12);
  }
}

TEST_CASE("symmetric_eigen: what is no matrix is refused", "[eigen][error]") {
  check_refused([] { (void)symmetric_eigen(Tensor::zeros({2, 3}, DType::f64)); }, {"[2, 3]"});
  check_refused([] { (void)symmetric_eigen(Tensor::zeros({2, 2})); }, {"f32"});
  check_refused(
      [] {
        (void)symmetric_eigen(
            tensor({1, 1}, {std::numeric_limits<double>::quiet_NaN()}, DType::f64));
      },
      {"nan"});
}

}  // namespace rf::test
