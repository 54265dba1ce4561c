#include "engine/ops/max_pool2d.hpp"

#include <cmath>
#include <limits>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("max_pool2d: 2x2 windows and a padded 3x3 by hand", "[max_pool2d][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({1, 1, 3, 4}, {1, 2, 3, 4, 8, 7, 6, 5, -1, -2, -3, -4}, dtype);
    CHECK(
        same_bits(max_pool2d(x, {.kernel = 2, .stride = 2}), tensor({1, 1, 1, 2}, {8, 6}, dtype)));
    CHECK(same_bits(max_pool2d(x, {.kernel = 3, .stride = 2, .pad = 1}),
                    tensor({1, 1, 2, 2}, {8, 7, 8, 7}, dtype)));
    // All negative: padding must not win with a zero.
    const Tensor low = tensor({1, 1, 1, 2}, {-5, -3}, dtype);
    CHECK(same_bits(max_pool2d(low, {.kernel = 2, .stride = 2, .pad = 1}),
                    tensor({1, 1, 1, 2}, {-5, -3}, dtype)));
  }
}

TEST_CASE("max_pool2d: PyTorch's values", "[max_pool2d][golden]") {
  for (const std::string& name : golden_cases("max_pool2d/")) {
    check_golden(name, [](const GoldenCase& c, DType dtype) {
      return max_pool2d(c.get("x", dtype), {.kernel = c.attribute("kernel"),
                                            .stride = c.attribute("stride"),
                                            .pad = c.attribute("pad")});
    });
  }
}

TEST_CASE("max_pool2d: PyTorch's gradients", "[max_pool2d][golden][grad]") {
  for (const std::string& name : golden_cases("max_pool2d/")) {
    check_golden_gradients(name, {"x"}, [](const GoldenCase& c, const std::vector<ag::Var>& in) {
      return ag::max_pool2d(in[0], {.kernel = c.attribute("kernel"),
                                    .stride = c.attribute("stride"),
                                    .pad = c.attribute("pad")});
    });
  }
}

TEST_CASE("max_pool2d: gradients by hand: overlapping windows add, ties go to the first, NaN wins",
          "[max_pool2d][golden][grad]") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto line = [&](std::initializer_list<double> values) {
      return tensor({1, 1, 2, 3}, values, dtype);
    };
    const Tensor gy = tensor({1, 1, 1, 2}, {10, 1}, dtype);
    const auto grad = [&](const Tensor& x) {
      return max_pool2d_grad(gy, x, {.kernel = 2, .stride = 1});
    };
    CHECK(same_bits(grad(line({1, 2, 3, 4, 9, 5})), line({0, 0, 0, 0, 11, 0})));
    CHECK(same_bits(grad(line({7, 7, 7, 7, 7, 7})), line({10, 1, 0, 0, 0, 0})));
    CHECK(same_bits(grad(line({1, 2, 2, 3, 3, 1})), line({0, 0, 0, 10, 1, 0})));
    CHECK(same_bits(grad(line({nan, 2, 3, 4, 9, 5})), line({10, 0, 0, 0, 1, 0})));
    CHECK(same_bits(grad(line({nan, nan, 3, 4, 9, 5})), line({0, 11, 0, 0, 0, 0})));
    CHECK(same_bits(grad(line({-inf, -inf, -inf, -inf, -inf, -inf})), line({10, 1, 0, 0, 0, 0})));
    // With padding of 1 every window sees one element.
    CHECK(same_bits(
        max_pool2d_grad(tensor({1, 1, 2, 2}, {1, 2, 3, 4}, dtype),
                        tensor({1, 1, 2, 2}, {-1, -2, -3, -4}, dtype), {.kernel = 2, .pad = 1}),
        tensor({1, 1, 2, 2}, {1, 2, 3, 4}, dtype)));
  }
}

TEST_CASE("max_pool2d: gradients against differences", "[max_pool2d][grad]") {
  // Values 0.1 apart in a mixed order: no tie within the step of a difference.
  Tensor x = Tensor::empty({2, 2, 5, 7}, DType::f64);
  for (Index i = 0; i < x.numel(); ++i)
    x.data<double>()[i] = static_cast<double>(i * 37 % 140) / 10;
  for (const MaxPool2dParams& p :
       {MaxPool2dParams{}, MaxPool2dParams{.kernel = 3, .stride = 2, .pad = 1},
        MaxPool2dParams{.kernel = 3, .stride = 1}, MaxPool2dParams{.kernel = 2, .stride = 3}}) {
    CAPTURE(p.kernel, p.stride, p.pad);
    check_gradients([&](const std::vector<ag::Var>& in) { return ag::max_pool2d(in[0], p); }, {x});
  }
}

TEST_CASE("max_pool2d: the window shows in the recorded operation", "[max_pool2d][property]") {
  ag::Var x(Tensor::zeros({1, 1, 4, 4}));
  x.set_requires_grad(true);
  CHECK(ag::graph_text(ag::max_pool2d(x, {.kernel = 3, .stride = 2, .pad = 1}))
            .find("max_pool2d(%1; kernel 3, stride 2, pad 1)") != std::string::npos);
}

TEST_CASE("max_pool2d: refuses windows it cannot honour, and says which", "[max_pool2d][error]") {
  const Shape x{1, 2, 5, 6};
  const auto refused = [&](const MaxPool2dParams& p, std::initializer_list<const char*> parts) {
    check_refused([&] { (void)max_pool2d_out_shape(x, p); }, parts);
  };
  refused({.kernel = 0}, {"max_pool2d", "kernel 0"});
  refused({.kernel = 2, .stride = 0}, {"stride 0"});
  refused({.kernel = 2, .stride = 1, .pad = -1}, {"pad -1"});
  refused({.kernel = 3, .stride = 1, .pad = 2}, {"kernel 3", "pad 2", "kernel / 2"});
  refused({.kernel = 6, .stride = 1}, {"[1, 2, 5, 6]", "kernel 6"});
  refused(
      {.kernel = std::numeric_limits<Index>::max(), .pad = std::numeric_limits<Index>::max() / 2},
      {"size"});
  check_refused([] { (void)max_pool2d_out_shape({2, 5, 6}, {}); }, {"[2, 5, 6]", "[N, C, H, W]"});
  check_refused(
      [] {
        (void)max_pool2d_out_shape({1, 2, 0, 6}, {.kernel = 2, .stride = 1, .pad = 1});
      },
      {"[1, 2, 0, 6]"});
  check_refused([] { (void)max_pool2d(Tensor::zeros({1, 1, 4, 4}, DType::i8), {}); }, {"i8"});
  check_refused(
      [] {
        (void)max_pool2d_grad(Tensor::zeros({1, 1, 2, 3}), Tensor::zeros({1, 1, 4, 4}), {});
      },
      {"max_pool2d gradient", "[1, 1, 2, 3]", "[1, 1, 2, 2]"});
  CHECK(max_pool2d_out_shape(x, {.kernel = 3, .stride = 2, .pad = 1}) == Shape{1, 2, 3, 3});
}

TEST_CASE("max_pool2d: every table gives the reference's bits, within bounds",
          "[max_pool2d][isa]") {
  Random random(1, RandomPurpose::test);
  const auto one_to = [&](std::uint32_t n) { return static_cast<Index>(random.below(n)) + 1; };
  for (int round = 0; round < 150; ++round) {
    MaxPool2dParams p{.kernel = one_to(6), .stride = one_to(4)};
    p.pad = static_cast<Index>(random.below(static_cast<std::uint32_t>(p.kernel / 2 + 1)));
    Shape in{1, one_to(2), p.kernel + one_to(10), p.kernel + one_to(70)};
    if (round == 0)
      p = {.kernel = 3, .stride = 2, .pad = 1}, in = {1, 1, 3, 1400};  // several lines
    if (round == 1)
      p = {.kernel = 1300, .stride = 7, .pad = 650}, in = {1, 1, 2, 1100};  // wider than a line
    if (round == 2)
      p = {.kernel = 511, .stride = 600, .pad = 255}, in = {1, 1, 2, 1700};  // stride beyond a line
    const Shape out = max_pool2d_out_shape(in, p);
    CAPTURE(to_string(in), p.kernel, p.stride, p.pad);
    GuardedFloats x(in.numel()), y(out.numel()), expected(out.numel());
    x.randomize(static_cast<std::uint64_t>(round));
    MaxPool2dArgs<float> args{.x = x.data(),
                              .y = expected.data(),
                              .in_h = in[2],
                              .in_w = in[3],
                              .out_h = out[2],
                              .out_w = out[3],
                              .kernel = p.kernel,
                              .stride = p.stride,
                              .pad = p.pad};
    reference::max_pool2d(args, 0, out[1] * out[2]);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      args.y = y.data();
      table->max_pool2d(args, 0, out[1] * out[2]);
      CHECK(same_bits(y.copy(), expected.copy()));
      CHECK(y.front_is_intact());
    }
  }
}

TEST_CASE("max_pool2d: a NaN wins its windows and no others; -inf is a value",
          "[max_pool2d][property]") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const Index width : {6, 40}) {
      for (Index at = 0; at < 3 * width; ++at) {
        CAPTURE(table->name, width, at);
        const WithKernels use(*table);
        Tensor x = random_tensor({1, 1, 3, width}, 9);
        x.data<float>()[at] = std::nanf("");
        const Tensor y = max_pool2d(x, {.kernel = 2, .stride = 1});
        for (Index i = 0; i < 2; ++i) {
          for (Index j = 0; j < width - 1; ++j) {
            const Index row = at / width, column = at % width;
            const bool inside = (row == i || row == i + 1) && (column == j || column == j + 1);
            CHECK(std::isnan(y.data<float>()[i * (width - 1) + j]) == inside);
          }
        }
      }
    }
    const WithKernels use(*table);
    Tensor low = Tensor::empty({1, 1, 4, 4});
    for (float& v : low.span<float>()) v = -inf;
    const Tensor low_max = max_pool2d(low, {});
    for (const float v : low_max.span<float>()) CHECK(v == -inf);
  }
}

TEST_CASE("max_pool2d: a 1x1 window is the identity, an empty batch stays empty",
          "[max_pool2d][property]") {
  const Tensor x = random_tensor({2, 3, 5, 7}, 2);
  CHECK(same_bits(max_pool2d(x, {.kernel = 1, .stride = 1}), x));
  CHECK(max_pool2d(Tensor::zeros({0, 3, 5, 7}), {}).shape() == Shape{0, 3, 2, 3});
}

TEST_CASE("max_pool2d: same bits for any number of threads", "[max_pool2d][property]") {
  const Tensor x = random_tensor({2, 8, 61, 67}, 3);
  check_same_bits_on_any_threads(
      [&] { return max_pool2d(x, {.kernel = 3, .stride = 2, .pad = 1}); });
  const auto f = [](const std::vector<ag::Var>& in) {
    return ag::max_pool2d(in[0], {.kernel = 3, .stride = 2, .pad = 1});
  };
  check_same_bits_on_any_threads([&] { return all_gradients(f, {x}); });
}

}  // namespace rf::test
