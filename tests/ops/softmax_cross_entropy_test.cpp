#include "engine/ops/softmax_cross_entropy.hpp"

#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

Tensor labels_of(std::initializer_list<std::int64_t> values) {
  return Tensor::from({static_cast<Index>(values.size())},
                      std::span<const std::int64_t>(values.begin(), values.size()));
}

// 0, 1, .. classes - 1 in turn, every seventh row masked.
Tensor cycling_labels(Index rows, Index classes) {
  Tensor labels = Tensor::empty({rows}, DType::i64);
  for (Index r = 0; r < rows; ++r) labels.data<std::int64_t>()[r] = r % 7 == 3 ? -1 : r % classes;
  return labels;
}

}  // namespace

TEST_CASE("softmax_cross_entropy: log 1, log 2, log 5 lose log 8, log 4, log 1.6; -1 loses nothing",
          "[softmax_cross_entropy][golden]") {
  const double a = std::log(2.0), b = std::log(5.0);
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({4, 3}, {0, a, b, 0, a, b, 0, a, b, 0, a, b}, dtype);
    const Tensor labels = labels_of({0, 1, -1, 2});
    const Tensor y = softmax_cross_entropy(x, labels);
    CHECK(y.dtype() == dtype);
    CHECK(relative_error(y, tensor({4}, {std::log(8.0), std::log(4.0), 0, std::log(1.6)})) < 1e-6);
    const Tensor gx = softmax_cross_entropy_grad(tensor({4}, {1, 2, 100, -1}, dtype), x, labels);
    CHECK(relative_error(gx, tensor({4, 3}, {-0.875, 0.25, 0.625,  //
                                             0.25, -1.5, 1.25,     //
                                             0, 0, 0,              //
                                             -0.125, -0.25, 0.375})) < 1e-6);
  }
}

TEST_CASE("softmax_cross_entropy: PyTorch's values and gradients",
          "[softmax_cross_entropy][golden][grad]") {
  // The labels are those of the case's attributes, a list, which the reader of cases leaves out.
  check_golden_gradients("softmax_cross_entropy/per_row", {"x"},
                         [](const GoldenCase&, const std::vector<ag::Var>& in) {
                           return ag::softmax_cross_entropy(in[0], labels_of({0, 1, 1, 0, 1, 0}));
                         });
}

TEST_CASE("softmax_cross_entropy: refuses labels that are no class, and shapes that do not fit",
          "[softmax_cross_entropy][error]") {
  const Tensor x = Tensor::zeros({3, 2}), labels = labels_of({0, 1, -1});
  const auto run = [](const Tensor& logits, const Tensor& l) {
    (void)softmax_cross_entropy(logits, l);
  };
  check_refused(
      [&] {
        run(x, labels_of({0, 2, 1}));
      },
      {"softmax_cross_entropy", "row 1", "is 2", "from 0 to 1", "-1"});
  check_refused([&] { run(x, labels_of({0, 1, -2})); }, {"row 2", "is -2"});
  check_refused([&] { run(x, labels_of({0, 1})); }, {"[3, 2]", "[2]"});
  check_refused([&] { run(Tensor::zeros({3}), labels); }, {"[3]", "[R, C]"});
  check_refused([&] { run(Tensor::zeros({3, 0}), labels); }, {"[3, 0]", "C > 0"});
  check_refused([&] { run(x, Tensor::zeros({3}, DType::i32)); }, {"i32", "i64"});
  check_refused([&] { run(Tensor::zeros({3, 2}, DType::u8), labels); }, {"u8"});
  const auto gradient = [&](const Tensor& gy, const Tensor& l) {
    (void)softmax_cross_entropy_grad(gy, x, l);
  };
  check_refused([&] { gradient(Tensor::zeros({2}), labels); }, {"gradient", "[2]", "[3]"});
  check_refused([&] { gradient(Tensor::zeros({3}, DType::f64), labels); }, {"f32", "f64"});
  check_refused([&] { gradient(Tensor::zeros({3}), labels_of({0, 1, 2})); }, {"row 2", "is 2"});
}

TEST_CASE("softmax_cross_entropy: backward agrees with central differences",
          "[softmax_cross_entropy][grad]") {
  for (const Index classes : {1, 2, 5}) {
    CAPTURE(classes);
    check_gradients(
        [&](const std::vector<ag::Var>& in) {
          return ag::softmax_cross_entropy(in[0], cycling_labels(9, classes));
        },
        {random_tensor({9, classes}, 1, DType::f64)});
  }
}

TEST_CASE("softmax_cross_entropy: huge logits stay finite, tiny losses keep their digits",
          "[softmax_cross_entropy][property]") {
  const Tensor x = tensor({4, 2}, {3e38, -3e38, 88, 90, 1000, 0, 20, 0});
  const Tensor y = softmax_cross_entropy(x, labels_of({0, 0, 1, 0}));
  CHECK(y.data<float>()[0] == 0);
  CHECK(std::abs(static_cast<double>(y.data<float>()[1]) - (2 + std::log1p(std::exp(-2.0)))) <
        1e-6);
  CHECK(y.data<float>()[2] == 1000);
  const double tiny = std::log1p(std::exp(-20.0));  // 2.06e-9: 1 + exp(-20) is 1 in float
  CHECK(std::abs(static_cast<double>(y.data<float>()[3]) / tiny - 1) < 1e-6);
}

TEST_CASE("softmax_cross_entropy: a masked row may hold anything, a NaN elsewhere shows",
          "[softmax_cross_entropy][property]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = tensor({2, 2}, {nan, 1, 2, nan});
  const Tensor labels = labels_of({-1, 0});
  const Tensor y = softmax_cross_entropy(x, labels);
  CHECK(y.data<float>()[0] == 0);
  CHECK(std::isnan(y.data<float>()[1]));
  const Tensor gx = softmax_cross_entropy_grad(tensor({2}, {nan, 1}), x, labels);
  CHECK(gx.data<float>()[0] == 0);
  CHECK(gx.data<float>()[1] == 0);
  CHECK(std::isnan(gx.data<float>()[2]));
  CHECK(softmax_cross_entropy(Tensor::zeros({0, 2}), Tensor::zeros({0}, DType::i64)).shape() ==
        Shape{0});
}

TEST_CASE("softmax_cross_entropy: same bits for any number of threads, forward and backward",
          "[softmax_cross_entropy][property]") {
  const Tensor x = random_tensor({33601, 2}, 2), labels = cycling_labels(33601, 2);
  check_same_bits_on_any_threads([&] { return softmax_cross_entropy(x, labels); });
  check_same_bits_on_any_threads([&] {
    return all_gradients(
        [&](const std::vector<ag::Var>& in) { return ag::softmax_cross_entropy(in[0], labels); },
        {x});
  });
}

}  // namespace rf::test
