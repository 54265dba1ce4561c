#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/ops/softmax.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("softmax: gradients by hand, along either axis", "[softmax][golden][grad]") {
  // sum gy y = 1 + 2 + 5/2 = 11/2 for y = 1/8, 1/4, 5/8 and gy = 8, 8, 4.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor expected = tensor({3}, {0.3125, 0.625, -0.9375}, dtype);
    const Tensor gy = tensor({3}, {8, 8, 4}, dtype), y = tensor({3}, {0.125, 0.25, 0.625}, dtype);
    CHECK(same_bits(softmax_grad(gy.reshaped({1, 3}), y.reshaped({1, 3}), 1),
                    expected.reshaped({1, 3})));
    CHECK(same_bits(softmax_grad(gy.reshaped({3, 1}), y.reshaped({3, 1}), 0),
                    expected.reshaped({3, 1})));
    CHECK(same_bits(softmax_grad(tensor({3, 2}, {8, 1, 8, 1, 4, 1}, dtype),
                                 tensor({3, 2}, {0.125, 0.5, 0.25, 0.25, 0.625, 0.25}, dtype), 0),
                    tensor({3, 2}, {0.3125, 0, 0.625, 0, -0.9375, 0}, dtype)));
  }
}

TEST_CASE("softmax: PyTorch's gradients", "[softmax][golden][grad]") {
  check_golden_gradients(
      "softmax/axis1", {"x"},
      [](const GoldenCase&, const std::vector<ag::Var>& in) { return ag::softmax(in[0], 1); });
}

TEST_CASE("softmax: the gradient refuses what does not fit, and says what", "[softmax][error]") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({3, 2});
  check_refused([&] { (void)softmax_grad(a, b, 1); }, {"softmax gradient", "[2, 3]", "[3, 2]"});
  check_refused([&] { (void)softmax_grad(a, a, 2); }, {"softmax gradient", "axis 2"});
  check_refused([&] { (void)softmax_grad(a, a.to(DType::f64), 1); }, {"f32", "f64"});
  CHECK(softmax_grad(Tensor::zeros({4, 0}), Tensor::zeros({4, 0}), 1).shape() == Shape{4, 0});
}

TEST_CASE("softmax: gradients against differences, along every axis", "[softmax][grad]") {
  for (int axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    check_gradients([&](const std::vector<ag::Var>& in) { return ag::softmax(in[0], axis); },
                    {random_tensor({2, 3, 4}, 1, DType::f64)});
  }
}

TEST_CASE("softmax: the axis shows in the recorded operation", "[softmax][property]") {
  ag::Var x(Tensor::zeros({2, 3}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(ag::softmax(x, 1)).find("softmax(%1; axis 1)") != std::string::npos);
}

TEST_CASE("softmax: gradients have the same bits for any number of threads",
          "[softmax][property]") {
  const auto along_1 = [](const std::vector<ag::Var>& in) { return ag::softmax(in[0], 1); };
  const Tensor planes = random_tensor({2, 4, 77, 78}, 7), lines = random_tensor({999, 37}, 8);
  check_same_bits_on_any_threads([&] { return all_gradients(along_1, {planes}); });
  check_same_bits_on_any_threads([&] { return all_gradients(along_1, {lines}); });
}

}  // namespace rf::test
