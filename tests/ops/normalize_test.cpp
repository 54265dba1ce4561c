#include "engine/ops/normalize.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("normalize: lengths 5 and 13 by hand; a short vector is divided by eps",
          "[normalize][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(relative_error(normalize(tensor({2, 3}, {3, 0, -4, 0, 5, 12}, dtype)),
                         tensor({2, 3}, {0.6, 0, -0.8, 0, 5 / 13.0, 12 / 13.0}, DType::f64)) <
          1e-7);
    CHECK(same_bits(normalize(tensor({2, 2}, {3, 4, 0, 0}, dtype), 8),
                    tensor({2, 2}, {0.375, 0.5, 0, 0}, dtype)));
  }
}

TEST_CASE("normalize: the gradient by hand on either side of eps", "[normalize][golden]") {
  // y = (0.6, 0.8), <y, gy> = 0.6, (1 - 0.6 * 0.6, -0.8 * 0.6) / 5.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({2}, {3, 4}, dtype), gy = tensor({2}, {1, 0}, dtype);
    CHECK(relative_error(normalize_grad(gy, x), tensor({2}, {0.128, -0.096}, DType::f64)) < 1e-7);
    CHECK(same_bits(normalize_grad(gy, x, 8), tensor({2}, {0.125, 0}, dtype)));
    CHECK(
        same_bits(normalize_grad(gy, tensor({2}, {0, 0}, dtype), 0.5), tensor({2}, {2, 0}, dtype)));
  }
}

TEST_CASE("normalize: refuses scalars, integers, and an eps that is not positive",
          "[normalize][error]") {
  const Tensor x = Tensor::zeros({2, 3});
  check_refused([&] { (void)normalize(Tensor::zeros({})); }, {"normalize", "[]", "[.., C]"});
  check_refused([&] { (void)normalize(x, 0); }, {"eps 0", "positive"});
  check_refused([&] { (void)normalize(x, std::nan("")); }, {"eps nan"});
  check_refused([&] { (void)normalize(Tensor::zeros({3}, DType::i64)); }, {"i64"});
  check_refused([&] { (void)normalize_grad(Tensor::zeros({3}), x); },
                {"normalize", "[3]", "[2, 3]"});
}

TEST_CASE("normalize: gradients by central differences, longer and shorter than eps",
          "[normalize][grad]") {
  const Tensor x = random_tensor({2, 3, 4}, 1, DType::f64);
  check_gradients([](const std::vector<ag::Var>& in) { return ag::normalize(in[0]); }, {x});
  check_gradients([](const std::vector<ag::Var>& in) { return ag::normalize(in[0], 50); }, {x});
}

TEST_CASE("normalize: floats whose squares vanish or overflow, zeros, NaNs",
          "[normalize][property]") {
  CHECK(relative_error(normalize(tensor({2, 2}, {3e-25, 4e-25, 3e30, -4e30}), 1e-30),
                       tensor({2, 2}, {0.6, 0.8, 0.6, -0.8})) < 1e-6);
  CHECK(same_bits(normalize(Tensor::zeros({4, 3})), Tensor::zeros({4, 3})));
  const Tensor y = normalize(tensor({2, 2}, {std::nan(""), 1, 3, 4}));
  CHECK(std::isnan(y.data<float>()[0]));
  CHECK(std::isnan(y.data<float>()[1]));
  CHECK(y.data<float>()[2] == 0.6F);
  CHECK(normalize(Tensor::zeros({2, 0})).shape() == Shape{2, 0});
  CHECK(normalize(Tensor::zeros({0, 2})).shape() == Shape{0, 2});
}

TEST_CASE("normalize: the gradient is at a right angle to the vector", "[normalize][property]") {
  const Tensor x = random_tensor({1000, 3}, 2), gx = normalize_grad(random_tensor({1000, 3}, 3), x);
  for (Index v = 0; v < 1000; ++v) {
    double dot = 0, scale = 0;
    for (Index i = 3 * v; i < 3 * v + 3; ++i) {
      const double term =
          static_cast<double>(x.data<float>()[i]) * static_cast<double>(gx.data<float>()[i]);
      dot += term;
      scale += std::abs(term);
    }
    CHECK(std::abs(dot) <= 1e-5 * scale + 1e-6);
  }
}

TEST_CASE("normalize: same bits for any number of threads", "[normalize][property]") {
  const Tensor x = random_tensor({20001, 3}, 4);
  check_same_bits_on_any_threads([&] { return normalize(x); });
  check_same_bits_on_any_threads([&] {
    return all_gradients([](const std::vector<ag::Var>& in) { return ag::normalize(in[0]); }, {x});
  });
}

}  // namespace rf::test
