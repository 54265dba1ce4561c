#include "engine/ops/cross.hpp"

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

ag::Var product(const std::vector<ag::Var>& in) { return ag::cross(in[0], in[1]); }

}  // namespace

TEST_CASE("cross: the axes turn into one another; a product by hand", "[cross][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor axes = tensor({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}, dtype),
                 next = tensor({3, 3}, {0, 1, 0, 0, 0, 1, 1, 0, 0}, dtype);
    CHECK(same_bits(cross(axes, next), tensor({3, 3}, {0, 0, 1, 1, 0, 0, 0, 1, 0}, dtype)));
    CHECK(same_bits(cross(tensor({3}, {1, 2, 3}, dtype), tensor({3}, {4, -5, 6}, dtype)),
                    tensor({3}, {27, 6, -13}, dtype)));
  }
}

TEST_CASE("cross: refuses other sizes and shapes that differ", "[cross][error]") {
  const Tensor a = Tensor::zeros({2, 3});
  check_refused([&] { (void)cross(a, Tensor::zeros({3})); }, {"cross", "[2, 3]", "[3]"});
  check_refused(
      [&] {
        (void)cross(Tensor::zeros({3, 2}), Tensor::zeros({3, 2}));
      },
      {"[3, 2]", "[.., 3]"});
  check_refused([&] { (void)cross(Tensor::zeros({}), Tensor::zeros({})); }, {"[]"});
  check_refused([&] { (void)cross(a, Tensor::zeros({2, 3}, DType::f64)); }, {"f32", "f64"});
}

TEST_CASE("cross: gradients by central differences", "[cross][grad]") {
  check_gradients(
      product, {random_tensor({2, 2, 3}, 1, DType::f64), random_tensor({2, 2, 3}, 2, DType::f64)});
}

TEST_CASE("cross: a vector with itself gives 0, none gives none", "[cross][property]") {
  const Tensor a = random_tensor({50, 3}, 3);
  CHECK(same_bits(cross(a, a), Tensor::zeros({50, 3})));
  CHECK(cross(Tensor::zeros({0, 3}), Tensor::zeros({0, 3})).shape() == Shape{0, 3});
}

TEST_CASE("cross: same bits for any number of threads", "[cross][property]") {
  const Tensor a = random_tensor({20001, 3}, 4), b = random_tensor({20001, 3}, 5);
  check_same_bits_on_any_threads([&] { return cross(a, b); });
  check_same_bits_on_any_threads([&] { return all_gradients(product, {a, b}); });
}

}  // namespace rf::test
