#include "engine/ops/upsample_nearest.hpp"

#include <cmath>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("upsample_nearest: 2x2 to 3x5 by hand, in every element type",
          "[upsample_nearest][golden]") {
  // floor(i 2 / 3) = 0, 0, 1; floor(j 2 / 5) = 0, 0, 0, 1, 1.
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::i8}) {
    CAPTURE(dtype);
    CHECK(same_bits(
        upsample_nearest(tensor({1, 1, 2, 2}, {1, 2, 3, 4}, dtype), {.out_h = 3, .out_w = 5}),
        tensor({1, 1, 3, 5}, {1, 1, 1, 2, 2, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4}, dtype)));
  }
  CHECK(same_bits(upsample_nearest(tensor({1, 1, 1, 5}, {1, 2, 3, 4, 5}), {.out_h = 2, .out_w = 3}),
                  tensor({1, 1, 2, 3}, {1, 2, 4, 1, 2, 4})));  // floor(j 5 / 3) = 0, 1, 3
}

TEST_CASE("upsample_nearest: PyTorch's values", "[upsample_nearest][golden]") {
  check_golden("upsample_nearest/to_9x13", [](const GoldenCase& c, DType dtype) {
    return upsample_nearest(c.get("x", dtype), {.out_h = 9, .out_w = 13});
  });
}

TEST_CASE("upsample_nearest: PyTorch's gradients", "[upsample_nearest][golden][grad]") {
  check_golden_gradients("upsample_nearest/to_9x13", {"x"},
                         [](const GoldenCase&, const std::vector<ag::Var>& in) {
                           return ag::upsample_nearest(in[0], {.out_h = 9, .out_w = 13});
                         });
}

TEST_CASE("upsample_nearest: gradients by hand", "[upsample_nearest][golden][grad]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    // Rows 0, 0, 1, columns 0, 0, 0, 1, 1 as above.
    CHECK(same_bits(
        upsample_nearest_grad(
            tensor({1, 1, 3, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, dtype),
            {1, 1, 2, 2}),
        tensor({1, 1, 2, 2}, {27, 28, 36, 29}, dtype)));
    // Columns 0, 1, 3: the others went nowhere.
    CHECK(same_bits(
        upsample_nearest_grad(tensor({1, 1, 2, 3}, {1, 2, 3, 10, 20, 30}, dtype), {1, 1, 1, 5}),
        tensor({1, 1, 1, 5}, {11, 22, 0, 33, 0}, dtype)));
  }
  CHECK(upsample_nearest_grad(Tensor::zeros({0, 3, 9, 9}), {0, 3, 5, 7}).shape() ==
        Shape{0, 3, 5, 7});
}

TEST_CASE("upsample_nearest: gradients against differences", "[upsample_nearest][grad]") {
  const Tensor x = random_tensor({2, 2, 3, 4}, 8, DType::f64);
  for (const auto& [h, w] : {std::pair(6, 8), std::pair(3, 4), std::pair(2, 3), std::pair(7, 1)}) {
    CAPTURE(h, w);
    check_gradients(
        [&, size = UpsampleNearestParams{.out_h = h, .out_w = w}](const std::vector<ag::Var>& in) {
          return ag::upsample_nearest(in[0], size);
        },
        {x});
  }
}

TEST_CASE("upsample_nearest: the size shows in the recorded operation",
          "[upsample_nearest][property]") {
  ag::Var x(Tensor::zeros({1, 1, 4, 4}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(ag::upsample_nearest(x, {.out_h = 8, .out_w = 9}))
            .find("upsample_nearest(%1; out_h 8, out_w 9)") != std::string::npos);
}

TEST_CASE("upsample_nearest: forward and gradient are adjoint: <y(x), g> = <x, gx(g)>",
          "[upsample_nearest][property][grad]") {
  const Tensor x = random_tensor({2, 16, 40, 53}, 11);
  for (const auto& [h, w] : {std::pair(80, 106), std::pair(79, 107), std::pair(23, 200)}) {
    CAPTURE(h, w);
    const Tensor y = upsample_nearest(x, {.out_h = h, .out_w = w}),
                 g = random_tensor(y.shape(), 12);
    const Tensor gx = upsample_nearest_grad(g, x.shape());
    check_adjoint(x, y, gx, g, 1e-7);
  }
}

TEST_CASE("upsample_nearest: refuses empty planes and sizes, and says which",
          "[upsample_nearest][error]") {
  const Shape x{1, 2, 5, 6};
  check_refused([&] { (void)upsample_nearest_out_shape(x, {.out_h = 0, .out_w = 3}); },
                {"upsample_nearest", "0 x 3"});
  check_refused([&] { (void)upsample_nearest_out_shape(x, {.out_h = 3, .out_w = -2}); },
                {"3 x -2"});
  check_refused([&] { (void)upsample_nearest_out_shape({1, 2, 5, 0}, {}); }, {"[1, 2, 5, 0]"});
  check_refused([&] { (void)upsample_nearest_out_shape({5, 6}, {}); }, {"[5, 6]", "[N, C, H, W]"});
  check_refused([&] { (void)upsample_nearest_out_shape(x, {.out_h = Index{1} << 62, .out_w = 1}); },
                {"63 bits"});
  check_refused(
      [] {
        (void)upsample_nearest_grad(Tensor::zeros({1, 2, 4, 4}), {1, 3, 2, 2});
      },
      {"upsample_nearest gradient", "[1, 2, 4, 4]", "[1, 3, 2, 2]"});
  check_refused(
      [] {
        (void)upsample_nearest_grad(Tensor::zeros({2, 4, 4}), {1, 2, 2, 2});
      },
      {"[2, 4, 4]", "[1, 2, 2, 2]"});
  check_refused(
      [] {
        (void)upsample_nearest_grad(Tensor::zeros({1, 1, 2, 2}, DType::u8), {1, 1, 2, 2});
      },
      {"u8"});
}

TEST_CASE("upsample_nearest: reads nothing past the end", "[upsample_nearest][isa]") {
  for (Index w = 1; w <= 33; ++w) {
    GuardedFloats x(3 * w);
    x.randomize(1);
    const Tensor borrowed = Tensor::borrow({1, 1, 3, w}, DType::f32, x.data(), nullptr);
    CHECK(same_bits(upsample_nearest(borrowed, {.out_h = 7, .out_w = 2 * w + 1}),
                    upsample_nearest(borrowed.clone(), {.out_h = 7, .out_w = 2 * w + 1})));
  }
}

TEST_CASE("upsample_nearest: by two, shifting the input by one shifts the output by two",
          "[upsample_nearest][property]") {
  constexpr Index kH = 4, kW = 9;
  const Tensor x = random_tensor({1, 2, kH, kW}, 2);
  Tensor shifted = Tensor::zeros(x.shape());  // one pixel to the right
  for (Index row = 0; row < 2 * kH; ++row) {
    for (Index j = 1; j < kW; ++j)
      shifted.data<float>()[row * kW + j] = x.data<float>()[row * kW + j - 1];
  }
  const Tensor y = upsample_nearest(x, {.out_h = 2 * kH, .out_w = 2 * kW});
  const Tensor z = upsample_nearest(shifted, {.out_h = 2 * kH, .out_w = 2 * kW});
  for (Index row = 0; row < 4 * kH; ++row) {
    for (Index j = 2; j < 2 * kW; ++j) {
      CHECK(z.data<float>()[row * 2 * kW + j] == y.data<float>()[row * 2 * kW + j - 2]);
    }
  }
}

TEST_CASE("upsample_nearest: its own size changes nothing; magnifying and shrinking back neither",
          "[upsample_nearest][property]") {
  const Tensor x = random_tensor({2, 3, 5, 7}, 3);
  CHECK(same_bits(upsample_nearest(x, {.out_h = 5, .out_w = 7}), x));
  CHECK(same_bits(
      upsample_nearest(upsample_nearest(x, {.out_h = 15, .out_w = 21}), {.out_h = 5, .out_w = 7}),
      x));
  CHECK(upsample_nearest(Tensor::zeros({0, 3, 5, 7}), {.out_h = 9, .out_w = Index{1} << 60})
            .numel() == 0);
}

TEST_CASE("upsample_nearest: same bits for any number of threads", "[upsample_nearest][property]") {
  const Tensor x = random_tensor({2, 8, 31, 33}, 4);
  check_same_bits_on_any_threads([&] { return upsample_nearest(x, {.out_h = 62, .out_w = 65}); });
  const auto f = [](const std::vector<ag::Var>& in) {
    return ag::upsample_nearest(in[0], {.out_h = 62, .out_w = 65});
  };
  check_same_bits_on_any_threads([&] { return all_gradients(f, {x}); });
}

}  // namespace rf::test
