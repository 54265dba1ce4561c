#include "engine/ops/conv2d.hpp"

#include <cmath>
#include <limits>

#include "engine/kernels/reference.hpp"
#include "engine/ops/concat.hpp"
#include "engine/ops/linear.hpp"
#include "engine/ops/permute.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// x[:, begin:end] of a [N, C, H, W] tensor.
Tensor channels(const Tensor& x, Index begin, Index end) {
  Tensor y = Tensor::empty(x.shape().with(1, end - begin));
  const Index plane = x.shape()[2] * x.shape()[3], from = x.shape()[1] * plane,
              to = (end - begin) * plane;
  for (Index i = 0; i < y.numel(); ++i) {
    y.data<float>()[i] = x.data<float>()[i / to * from + begin * plane + i % to];
  }
  return y;
}

// x[begin:end] of a tensor of any rank.
Tensor rows(const Tensor& x, Index begin, Index end) {
  Tensor y = Tensor::empty(x.shape().with(0, end - begin));
  const Index row = x.numel() / x.shape()[0];
  for (Index i = 0; i < y.numel(); ++i) y.data<float>()[i] = x.data<float>()[begin * row + i];
  return y;
}

}  // namespace

TEST_CASE("conv2d: a box filter on a ramp gives 8 and 36", "[conv2d][golden]") {
  // 0 1 2 / 3 4 5 / 6 7 8: the padded corner sees 0 + 1 + 3 + 4, the centre all nine.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8}, dtype);
    const Tensor w = tensor({1, 1, 3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, dtype);
    CHECK(same_bits(conv2d(x, w, Tensor(), {.pad = 1}),
                    tensor({1, 1, 3, 3}, {8, 15, 12, 21, 36, 27, 20, 33, 24}, dtype)));
    CHECK(same_bits(conv2d(x, w, tensor({1}, {0.5}, dtype), {}),
                    tensor({1, 1, 1, 1}, {36.5}, dtype)));
  }
}

TEST_CASE("conv2d: the kernel is not flipped; stride, dilation and groups by hand",
          "[conv2d][golden]") {
  const Tensor x = tensor({1, 2, 1, 5}, {1, 2, 3, 4, 5, 10, 20, 30, 40, 50});
  const Tensor w = tensor({2, 1, 1, 2}, {1, 100, 2, 0.5});
  // Channel 0: x[j] + 100 x[j + 1]; channel 1 of its own group: 2 x[j] + x[j + 1] / 2.
  CHECK(same_bits(conv2d(x, w, Tensor(), {.groups = 2}),
                  tensor({1, 2, 1, 4}, {201, 302, 403, 504, 30, 55, 80, 105})));
  CHECK(same_bits(conv2d(x, w, Tensor(), {.stride = 2, .groups = 2}),
                  tensor({1, 2, 1, 2}, {201, 403, 30, 80})));
  CHECK(same_bits(conv2d(x, w, Tensor(), {.dilation = 3, .groups = 2}),
                  tensor({1, 2, 1, 2}, {401, 502, 40, 65})));
}

TEST_CASE("conv2d: PyTorch's values", "[conv2d][golden]") {
  const std::vector<std::string> names = golden_cases("conv2d/");
  CHECK(names.size() == 9);
  for (const std::string& name : names) {
    check_golden(name, [](const GoldenCase& c, DType dtype) {
      return conv2d(c.get("x", dtype), c.get("w", dtype), c.get("b", dtype),
                    {.stride = c.attribute("stride"),
                     .pad = c.attribute("pad"),
                     .dilation = c.attribute("dilation"),
                     .groups = c.attribute("groups")});
    });
  }
}

TEST_CASE("conv2d: refuses shapes it cannot honour, and says which", "[conv2d][error]") {
  const Shape x{1, 6, 5, 7}, w{4, 6, 3, 3};
  const auto refused = [](const Shape& in, const Shape& weight, const Conv2dParams& p,
                          std::initializer_list<const char*> parts) {
    check_refused([&] { (void)conv2d_out_shape(in, weight, p); }, parts);
  };
  refused({6, 5, 7}, w, {}, {"conv2d", "[6, 5, 7]", "[N, C, H, W]"});
  refused(x, {4, 6, 3}, {}, {"[4, 6, 3]", "[K, C / groups, kh, kw]"});
  refused(x, {4, 5, 3, 3}, {}, {"[1, 6, 5, 7]", "[4, 5, 3, 3]", "groups=1"});
  refused(x, {4, 2, 3, 3}, {.groups = 2}, {"groups=2", "needs 4"});
  refused(x, {5, 3, 3, 3}, {.groups = 2}, {"[5, 3, 3, 3]", "divisible by groups"});
  refused(x, {4, 6, 0, 3}, {}, {"[4, 6, 0, 3]", "no elements"});
  refused(x, w, {.stride = 0}, {"stride 0"});
  refused(x, w, {.pad = -1}, {"pad -1"});
  refused(x, w, {.dilation = 0}, {"dilation 0"});
  refused(x, w, {.groups = 0}, {"groups 0"});
  refused(x, w, {.dilation = 3}, {"[1, 6, 5, 7]", "smaller than kernel", "dilation=3"});
  const Index huge = std::numeric_limits<Index>::max();
  refused(x, w, {.pad = huge}, {"63 bits"});
  refused(x, w, {.dilation = huge}, {"63 bits"});
  refused(x, w, {.groups = huge}, {"63 bits"});
  const Tensor data = Tensor::zeros(x), weight = Tensor::zeros(w);
  check_refused([&] { (void)conv2d(data, weight, Tensor::zeros({3}), {}); },
                {"bias", "[3]", "[4]"});
  check_refused([&] { (void)conv2d(data, Tensor::zeros(w, DType::f64), Tensor(), {}); },
                {"f32", "f64"});
  check_refused([&] { (void)conv2d(data, weight, Tensor::zeros({4}, DType::f64), {}); },
                {"f32", "f64"});
  check_refused(
      [&] { (void)conv2d(Tensor::zeros(x, DType::u8), Tensor::zeros(w, DType::u8), Tensor(), {}); },
      {"u8"});
}

TEST_CASE("conv2d: output sizes by hand", "[conv2d][golden]") {
  CHECK(conv2d_out_shape({2, 3, 224, 225}, {64, 3, 7, 7}, {.stride = 2, .pad = 3}) ==
        Shape{2, 64, 112, 113});
  CHECK(conv2d_out_shape({1, 1, 5, 5}, {1, 1, 3, 3}, {.dilation = 2}) == Shape{1, 1, 1, 1});
  CHECK(conv2d_out_shape({0, 4, 8, 9}, {8, 4, 1, 2}, {}) == Shape{0, 8, 8, 8});
}

TEST_CASE("conv2d: an empty batch, a NaN, an input that is not written", "[conv2d][property]") {
  CHECK(conv2d(Tensor::zeros({0, 2, 4, 4}), Tensor::zeros({3, 2, 3, 3}), Tensor(), {}).shape() ==
        Shape{0, 3, 2, 2});
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    Tensor x = random_tensor({1, 1, 6, 9}, 1);
    x.data<float>()[2 * 9 + 4] = std::numeric_limits<float>::quiet_NaN();
    const Tensor before = x.clone();
    const Tensor y = conv2d(x, random_tensor({1, 1, 3, 3}, 2), Tensor(), {.pad = 1});
    for (Index i = 0; i < 6; ++i) {
      for (Index j = 0; j < 9; ++j) {
        const float v = y.data<float>()[i * 9 + j];
        CHECK((v != v) == (i >= 1 && i <= 3 && j >= 3 && j <= 5));
      }
    }
    CHECK(same_bits(x, before));
  }
}

TEST_CASE("conv2d: moving the input moves the output", "[conv2d][property]") {
  // Zeros around the image, so that nothing leaves it when everything moves by (1, 2).
  constexpr Index kH = 12, kW = 15;
  Tensor x = Tensor::zeros({1, 3, kH, kW}), moved = Tensor::zeros({1, 3, kH, kW});
  const Tensor values = random_tensor({3, 6, 8}, 3), w = random_tensor({5, 3, 3, 3}, 4);
  for (Index c = 0; c < 3; ++c) {
    for (Index i = 0; i < 6; ++i) {
      for (Index j = 0; j < 8; ++j) {
        const float v = values.data<float>()[(c * 6 + i) * 8 + j];
        x.data<float>()[(c * kH + i + 2) * kW + j + 2] = v;
        moved.data<float>()[(c * kH + i + 3) * kW + j + 4] = v;
      }
    }
  }
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    const Tensor y = conv2d(x, w, Tensor(), {.pad = 1}), z = conv2d(moved, w, Tensor(), {.pad = 1});
    for (Index k = 0; k < 5; ++k) {
      for (Index i = 0; i + 1 < kH; ++i) {
        for (Index j = 0; j + 2 < kW; ++j) {
          const float a = y.data<float>()[(k * kH + i) * kW + j],
                      b = z.data<float>()[(k * kH + i + 1) * kW + j + 2];
          CHECK(std::abs(a - b) <= 1e-5F);
        }
      }
    }
  }
}

TEST_CASE("conv2d: a 1x1 kernel is a linear layer on every pixel", "[conv2d][property]") {
  const Tensor x = random_tensor({2, 13, 9, 11}, 5), w = random_tensor({10, 13, 1, 1}, 6),
               b = random_tensor({10}, 7);
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    const Tensor pixels = permute(x, std::vector<int>{0, 2, 3, 1}).reshaped({2 * 9 * 11, 13});
    const Tensor y =
        permute(conv2d(x, w, b, {}), std::vector<int>{0, 2, 3, 1}).reshaped({2 * 9 * 11, 10});
    CHECK(relative_error(y, linear(pixels, w.reshaped({10, 13}), b)) < 1e-5);
  }
}

TEST_CASE("conv2d: groups are separate convolutions laid side by side", "[conv2d][property]") {
  const Tensor x = random_tensor({2, 6, 9, 10}, 8), w = random_tensor({9, 2, 3, 3}, 9),
               b = random_tensor({9}, 10);
  const Conv2dParams alone{.stride = 2, .pad = 1};
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    std::vector<Tensor> parts;
    for (Index g = 0; g < 3; ++g) {
      parts.push_back(conv2d(channels(x, 2 * g, 2 * g + 2), rows(w, 3 * g, 3 * g + 3),
                             rows(b, 3 * g, 3 * g + 3), alone));
    }
    CHECK(relative_error(conv2d(x, w, b, {.stride = 2, .pad = 1, .groups = 3}), concat(parts, 1)) <
          1e-5);
  }
}

TEST_CASE("conv2d: same bits for any number of threads", "[conv2d][property]") {
  const Tensor x = random_tensor({2, 16, 61, 67}, 11), w = random_tensor({24, 16, 3, 3}, 12),
               b = random_tensor({24}, 13), depthwise = random_tensor({16, 1, 3, 3}, 14),
               point = random_tensor({40, 16, 1, 1}, 15);
  check_same_bits_on_any_threads([&] { return conv2d(x, w, b, {.pad = 1}); });
  check_same_bits_on_any_threads([&] { return conv2d(x, w, b, {.stride = 2, .pad = 1}); });
  check_same_bits_on_any_threads(
      [&] { return conv2d(x, depthwise, Tensor(), {.pad = 1, .groups = 16}); });
  check_same_bits_on_any_threads([&] { return conv2d(x, point, Tensor(), {}); });
}

TEST_CASE("conv2d: parameters whose padded image is no size are refused", "[conv2d][error]") {
  const Tensor x = Tensor::zeros({1, 1, 2, 2}), w = Tensor::zeros({1, 1, 4, 4});
  CHECK_THROWS_AS(conv2d(x, w, Tensor(), {.pad = (Index{1} << 31) - 1, .dilation = 1431655765}),
                  ShapeError);
  CHECK_THROWS_AS(conv2d(x, w, Tensor(), {.pad = (Index{1} << 30), .dilation = 715827882}),
                  ShapeError);
}

}  // namespace rf::test
