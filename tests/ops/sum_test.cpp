#include "engine/ops/sum.hpp"

#include <array>

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("sum: over any axes by hand", "[sum][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, dtype);
    CHECK(same_bits(sum(x, std::array{0}), tensor({3, 2}, {8, 10, 12, 14, 16, 18}, dtype)));
    CHECK(same_bits(sum(x, std::array{1}), tensor({2, 2}, {9, 12, 27, 30}, dtype)));
    CHECK(same_bits(sum(x, std::array{2, 0}), tensor({3}, {18, 26, 34}, dtype)));
    CHECK(same_bits(sum(x, std::array{0, 1, 2}), tensor({}, {78}, dtype)));
    CHECK(same_bits(ag::sum(ag::Var(x)).value(), tensor({}, {78}, dtype)));
    CHECK(same_bits(ag::mean(ag::Var(x)).value(), tensor({}, {6.5}, dtype)));
    CHECK(same_bits(ag::mean(ag::Var(x), {0, 2}).value(), tensor({3}, {4.5, 6.5, 8.5}, dtype)));
  }
}

TEST_CASE("sum: refuses axes that are not there or named twice; mean refuses no elements",
          "[sum][error]") {
  const ag::Var x(Tensor::zeros({2, 0, 3}));
  check_refused([&] { (void)ag::sum(x, {3}); }, {"sum", "axis 3", "[2, 0, 3]"});
  check_refused([&] { (void)ag::sum(x, {-1}); }, {"axis -1"});
  check_refused([&] { (void)ag::mean(x, {0, 0}); }, {"axis 0", "twice"});
  check_refused([&] { (void)ag::sum(ag::Var(Tensor::zeros({2}, DType::i64))); }, {"sum", "i64"});
  check_refused([&] { (void)ag::mean(x); }, {"mean", "no elements", "[2, 0, 3]"});
  check_refused([&] { (void)ag::mean(x, {1}); }, {"mean", "no elements"});
  CHECK(ag::mean(x, {0}).shape() == Shape{0, 3});
  CHECK(same_bits(ag::sum(x, {1}).value(), Tensor::zeros({2, 3})));
}

TEST_CASE("sum: gradients of sums and means", "[sum][grad]") {
  ag::Var x(tensor({2, 2}, {1, 2, 3, 4}));
  x.set_requires_grad(true);
  ag::mean(x, {0}).backward(tensor({2}, {10, 20}));
  CHECK(same_bits(x.grad(), tensor({2, 2}, {5, 10, 5, 10})));
  x.clear_grad();
  ag::sum(x).backward();
  CHECK(same_bits(x.grad(), tensor({2, 2}, {1, 1, 1, 1})));
  const Tensor point = random_tensor({2, 3, 4, 2}, 1, DType::f64);
  for (const std::vector<int>& axes :
       {std::vector<int>{}, {0}, {3}, {2, 1}, {3, 0}, {0, 1, 2, 3}}) {
    check_gradients([&](const std::vector<ag::Var>& in) { return ag::sum(in[0], axes); }, {point});
    check_gradients([&](const std::vector<ag::Var>& in) { return ag::mean(in[0], axes); }, {point});
  }
}

TEST_CASE("sum: every table agrees, with the same bits for any number of threads",
          "[sum][property]") {
  const Tensor x = random_tensor({5, 7, 40, 41}, 2), line = random_tensor({300001}, 3);
  for (const std::vector<int>& axes : {std::vector<int>{0}, {1}, {2, 3}, {0, 2, 3}}) {
    const auto gradient = [&] {
      return all_gradients([&](const std::vector<ag::Var>& in) { return ag::mean(in[0], axes); },
                           {x});
    };
    check_tables_agree([&] { return sum(x, axes); });
    check_same_bits_on_any_threads([&] { return sum(x, axes); });
    check_same_bits_on_any_threads(gradient);
  }
  check_tables_agree([&] { return sum(line, std::array{0}); });
  check_same_bits_on_any_threads([&] { return sum(line, std::array{0}); });
}

}  // namespace rf::test
