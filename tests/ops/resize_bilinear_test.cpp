#include "engine/ops/resize_bilinear.hpp"

#include <cmath>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("resize_bilinear: doubling 0, 4 gives 0, 1, 3, 4; halving averages neighbours",
          "[resize_bilinear][golden]") {
  // s = (j + 0.5) / 2 - 0.5 = -0.25 (raised to 0), 0.25, 0.75, 1.25 (past the last pixel).
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(same_bits(resize_bilinear(tensor({1, 1, 1, 2}, {0, 4}, dtype), {.out_h = 1, .out_w = 4}),
                    tensor({1, 1, 1, 4}, {0, 1, 3, 4}, dtype)));
    CHECK(same_bits(resize_bilinear(tensor({1, 1, 2, 1}, {0, 4}, dtype), {.out_h = 4, .out_w = 1}),
                    tensor({1, 1, 4, 1}, {0, 1, 3, 4}, dtype)));
    CHECK(same_bits(resize_bilinear(tensor({1, 1, 2, 4}, {1, 3, 10, 20, 5, 7, 30, 40}, dtype),
                                    {.out_h = 1, .out_w = 2}),
                    tensor({1, 1, 1, 2}, {4, 25}, dtype)));
  }
}

TEST_CASE("resize_bilinear: PyTorch's values", "[resize_bilinear][golden]") {
  check_golden("resize_bilinear/to_9x13", [](const GoldenCase& c, DType dtype) {
    return resize_bilinear(c.get("x", dtype), {.out_h = 9, .out_w = 13});
  });
}

TEST_CASE("resize_bilinear: PyTorch's gradients", "[resize_bilinear][golden][grad]") {
  check_golden_gradients("resize_bilinear/to_9x13", {"x"},
                         [](const GoldenCase&, const std::vector<ag::Var>& in) {
                           return ag::resize_bilinear(in[0], {.out_h = 9, .out_w = 13});
                         });
}

TEST_CASE("resize_bilinear: gradients by hand", "[resize_bilinear][golden][grad]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    // Two positions to four: shares (1, 0), (3/4, 1/4), (1/4, 3/4), (0, 1).
    CHECK(same_bits(resize_bilinear_grad(tensor({1, 1, 1, 4}, {1, 4, 8, 16}, dtype), {1, 1, 1, 2}),
                    tensor({1, 1, 1, 2}, {6, 23}, dtype)));
    CHECK(same_bits(resize_bilinear_grad(tensor({1, 1, 4, 1}, {1, 4, 8, 16}, dtype), {1, 1, 2, 1}),
                    tensor({1, 1, 2, 1}, {6, 23}, dtype)));
  }
}

TEST_CASE("resize_bilinear: gradients against differences", "[resize_bilinear][grad]") {
  const Tensor x = random_tensor({2, 2, 3, 4}, 8, DType::f64);
  for (const auto& [h, w] : {std::pair(6, 8), std::pair(3, 4), std::pair(2, 3), std::pair(7, 1)}) {
    CAPTURE(h, w);
    check_gradients(
        [&, size = ResizeBilinearParams{.out_h = h, .out_w = w}](const std::vector<ag::Var>& in) {
          return ag::resize_bilinear(in[0], size);
        },
        {x});
  }
}

TEST_CASE("resize_bilinear: the size shows in the recorded operation",
          "[resize_bilinear][property]") {
  ag::Var x(Tensor::zeros({1, 1, 4, 4}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(ag::resize_bilinear(x, {.out_h = 8, .out_w = 9}))
            .find("resize_bilinear(%1; out_h 8, out_w 9)") != std::string::npos);
}

TEST_CASE("resize_bilinear: forward and gradient are adjoint: <y(x), g> = <x, gx(g)>",
          "[resize_bilinear][property][grad]") {
  const Tensor x = random_tensor({2, 16, 40, 53}, 11);
  for (const auto& [h, w] : {std::pair(80, 106), std::pair(79, 107), std::pair(23, 200)}) {
    CAPTURE(h, w);
    const Tensor y = resize_bilinear(x, {.out_h = h, .out_w = w}), g = random_tensor(y.shape(), 12);
    const Tensor gx = resize_bilinear_grad(g, x.shape());
    check_adjoint(x, y, gx, g, 1e-7);
  }
}

TEST_CASE("resize_bilinear: refuses empty planes and sizes, and says which",
          "[resize_bilinear][error]") {
  const Shape x{1, 2, 5, 6};
  check_refused([&] { (void)resize_bilinear_out_shape(x, {.out_h = 0, .out_w = 3}); },
                {"resize_bilinear", "0 x 3"});
  check_refused([&] { (void)resize_bilinear_out_shape(x, {.out_h = 3, .out_w = -1}); }, {"3 x -1"});
  check_refused([&] { (void)resize_bilinear_out_shape({1, 2, 0, 6}, {}); }, {"[1, 2, 0, 6]"});
  check_refused([&] { (void)resize_bilinear_out_shape({2, 5, 6}, {}); }, {"[2, 5, 6]"});
  check_refused(
      [&] {
        (void)resize_bilinear_out_shape(x, {.out_h = Index{1} << 40, .out_w = Index{1} << 40});
      },
      {"63 bits"});
  check_refused([&] { (void)resize_bilinear(Tensor::zeros({1, 1, 2, 2}, DType::u8), {}); }, {"u8"});
  check_refused(
      [] {
        (void)resize_bilinear_grad(Tensor::zeros({1, 2, 4, 4}), {1, 3, 2, 2});
      },
      {"resize_bilinear gradient", "[1, 2, 4, 4]", "[1, 3, 2, 2]"});
  check_refused(
      [] {
        (void)resize_bilinear_grad(Tensor::zeros({2, 4, 4}), {1, 2, 2, 2});
      },
      {"[2, 4, 4]", "[1, 2, 2, 2]"});
  check_refused(
      [] {
        (void)resize_bilinear_grad(Tensor::zeros({1, 1, 2, 2}, DType::u8), {1, 1, 2, 2});
      },
      {"u8"});
}

TEST_CASE("resize_bilinear: every table agrees with the reference, within bounds",
          "[resize_bilinear][isa]") {
  struct Sizes {
    Index in_h, in_w, out_h, out_w;
  };
  std::vector<Sizes> all{{3, 1, 5, 1},     {2, 700, 3, 1400}, {2, 1400, 3, 700}, {2, 3000, 2, 3},
                         {3, 5000, 2, 17}, {2, 513, 2, 513},  {2, 512, 2, 9},    {2, 3, 2, 900},
                         {1, 1, 4, 5},     {9, 2, 4, 1},      {1, 2000, 1, 1}};
  for (Index w = 1; w <= 35; ++w)
    all.push_back({3, w, 4, 36 - w}), all.push_back({4, w, 3, 2 * w + 1});
  constexpr Index kPlanes = 2;
  for (const auto& [in_h, in_w, out_h, out_w] : all) {
    GuardedFloats x(kPlanes * in_h * in_w), y(kPlanes * out_h * out_w),
        expected(kPlanes * out_h * out_w);
    x.randomize(4);
    ResizeBilinearArgs<float> args{.x = x.data(),
                                   .y = expected.data(),
                                   .in_h = in_h,
                                   .in_w = in_w,
                                   .out_h = out_h,
                                   .out_w = out_w};
    reference::resize_bilinear(args, 0, kPlanes * out_h);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name, in_h, in_w, out_h, out_w);
      args.y = y.data();
      table->resize_bilinear(args, 0, kPlanes * out_h);
      CHECK(relative_error(y.copy(), expected.copy()) < 1e-5);
      CHECK(y.front_is_intact());
    }
  }
}

TEST_CASE("resize_bilinear: a constant stays that constant, its own size changes nothing",
          "[resize_bilinear][property]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    Tensor constant = Tensor::empty({1, 2, 7, 11});
    for (float& v : constant.span<float>()) v = 0.75F;
    const Tensor resized = resize_bilinear(constant, {.out_h = 23, .out_w = 5});
    for (const float v : resized.span<float>()) CHECK(std::abs(v - 0.75F) < 1e-6F);
    const Tensor x = random_tensor({2, 3, 19, 45}, 5);
    CHECK(same_bits(resize_bilinear(x, {.out_h = 19, .out_w = 45}), x));
    CHECK(resize_bilinear(Tensor::zeros({0, 3, 4, 5}), {.out_h = 2, .out_w = 2}).shape() ==
          Shape{0, 3, 2, 2});
  }
}

TEST_CASE("resize_bilinear: a ramp stays a ramp away from the border",
          "[resize_bilinear][property]") {
  Tensor x = Tensor::empty({1, 1, 8, 10});
  for (Index i = 0; i < 80; ++i) x.data<float>()[i] = static_cast<float>(3 * (i / 10) + i % 10);
  const Tensor y = resize_bilinear(x, {.out_h = 24, .out_w = 40});
  for (Index i = 2; i < 22; ++i) {
    for (Index j = 2; j < 38; ++j) {
      const double row = (static_cast<double>(i) + 0.5) / 3 - 0.5,
                   column = (static_cast<double>(j) + 0.5) / 4 - 0.5;
      CHECK(std::abs(static_cast<double>(y.data<float>()[i * 40 + j]) - (3 * row + column)) < 1e-5);
    }
  }
}

TEST_CASE("resize_bilinear: same bits for any number of threads", "[resize_bilinear][property]") {
  const Tensor x = random_tensor({2, 3, 61, 67}, 6);
  check_same_bits_on_any_threads([&] { return resize_bilinear(x, {.out_h = 131, .out_w = 141}); });
  const auto f = [](const std::vector<ag::Var>& in) {
    return ag::resize_bilinear(in[0], {.out_h = 62, .out_w = 65});
  };
  check_same_bits_on_any_threads([&] { return all_gradients(f, {x}); });
}

}  // namespace rf::test
