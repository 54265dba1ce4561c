#include "engine/ops/softmax.hpp"

#include <cmath>
#include <limits>

#include "engine/kernels/reference.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

const float kInf = std::numeric_limits<float>::infinity();

// max over elements of |a - b| / |b|.
double elementwise_error(const Tensor& a, const Tensor& b) {
  const Tensor wide_a = a.to(DType::f64), wide_b = b.to(DType::f64);
  double worst = 0;
  for (Index i = 0; i < a.numel(); ++i) {
    const double x = wide_a.data<double>()[i], y = wide_b.data<double>()[i];
    worst = std::fmax(worst, x == y ? 0 : std::abs(x - y) / std::abs(y));
  }
  return worst;
}

}  // namespace

TEST_CASE("softmax: log 1, log 2, log 5 give 1/8, 2/8, 5/8 along either axis",
          "[softmax][golden]") {
  const double a = std::log(2.0), b = std::log(5.0);
  for (const DType dtype : {DType::f32, DType::f64}) {
    CHECK(relative_error(
              softmax(tensor({2, 3}, {0, a, b, b, b, b}, dtype), 1),
              tensor({2, 3}, {0.125, 0.25, 0.625, 1 / 3.0, 1 / 3.0, 1 / 3.0}, DType::f64)) < 1e-6);
    CHECK(relative_error(
              softmax(tensor({3, 2}, {0, b, a, b, b, b}, dtype), 0),
              tensor({3, 2}, {0.125, 1 / 3.0, 0.25, 1 / 3.0, 0.625, 1 / 3.0}, DType::f64)) < 1e-6);
  }
}

TEST_CASE("softmax: PyTorch's values", "[softmax][golden]") {
  check_golden("softmax/axis1",
               [](const GoldenCase& c, DType dtype) { return softmax(c.get("x", dtype), 1); });
  // The same lines laid out as channels of [1, 4, 2, 3].
  check_golden("softmax/axis1", [](const GoldenCase& c, DType dtype) {
    const Tensor x = c.get("x", dtype);
    Tensor planes = Tensor::empty({1, 4, 2, 3}, dtype), back = Tensor::empty({6, 4}, dtype);
    const auto turn = [&](auto type) {
      using T = decltype(type);
      for (Index n = 0; n < 6; ++n) {
        for (Index k = 0; k < 4; ++k) planes.data<T>()[k * 6 + n] = x.data<T>()[n * 4 + k];
      }
      const Tensor y = softmax(planes, 1);
      for (Index n = 0; n < 6; ++n) {
        for (Index k = 0; k < 4; ++k) back.data<T>()[n * 4 + k] = y.data<T>()[k * 6 + n];
      }
    };
    if (dtype == DType::f64)
      turn(double{});
    else
      turn(float{});
    return back;
  });
}

TEST_CASE("softmax: refuses axes that are not there, and integers", "[softmax][error]") {
  const Tensor x = Tensor::zeros({2, 3});
  check_refused([&] { (void)softmax(x, 2); }, {"softmax", "[2, 3]", "axis 2"});
  check_refused([&] { (void)softmax(x, -1); }, {"axis -1"});
  check_refused([&] { (void)softmax(Tensor::zeros({}), 0); }, {"[]", "axis 0"});
  check_refused([&] { (void)softmax(Tensor::zeros({2, 3}, DType::u8), 1); }, {"u8"});
}

TEST_CASE("softmax: every table agrees with the reference, within bounds", "[softmax][isa]") {
  struct Sizes {
    Index outer, size, inner;
  };
  std::vector<Sizes> all;
  for (Index n = 0; n <= 35; ++n) all.push_back({n, 2, 1});
  for (Index size = 1; size <= 35; ++size) all.push_back({3, size, 1});
  for (Index inner = 2; inner <= 35; ++inner) all.push_back({2, 3, inner});
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const auto& [outer, size, inner] : all) {
      CAPTURE(table->name, outer, size, inner);
      const Index n = outer * size * inner;
      GuardedFloats x(n), y(n), expected(n);
      x.randomize(3);
      table->softmax({.x = x.data(), .y = y.data(), .size = size, .inner = inner}, 0,
                     outer * inner);
      reference::softmax<float>({.x = x.data(), .y = expected.data(), .size = size, .inner = inner},
                                0, outer * inner);
      CHECK(elementwise_error(y.copy(), expected.copy()) < 2e-6);
      CHECK(y.front_is_intact());
    }
  }
}

TEST_CASE("softmax: a call computes its lines alone, wherever it starts", "[softmax][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const Index inner : {1, 5, 40}) {
      CAPTURE(table->name, inner);
      constexpr Index kOuter = 4, kSize = 2;
      const Index lines = kOuter * inner, n = lines * kSize;
      GuardedFloats x(n), y(n), expected(n);
      x.randomize(4);
      table->softmax({.x = x.data(), .y = expected.data(), .size = kSize, .inner = inner}, 0,
                     lines);
      const Index begin = lines / 3, end = lines - 1;
      table->softmax({.x = x.data(), .y = y.data(), .size = kSize, .inner = inner}, begin, end);
      for (Index i = 0; i < n; ++i) {
        const Index line = i / (kSize * inner) * inner + i % inner;
        if (line >= begin && line < end)
          CHECK(y.data()[i] == expected.data()[i]);
        else
          CHECK(y.data()[i] < -1000);
      }
    }
  }
}

TEST_CASE("softmax: exponentials keep 1e-6 relative over their whole range", "[softmax][isa]") {
  // softmax [0, -t] = [1, e^-t] / (1 + e^-t), e^-t in long double.
  constexpr Index kSteps = 20001;
  Tensor x = Tensor::empty({kSteps, 2}), expected = Tensor::empty({kSteps, 2}, DType::f64);
  for (Index i = 0; i < kSteps; ++i) {
    const float t = 86.5F * static_cast<float>(i) / (kSteps - 1);
    const long double e = std::exp(-static_cast<long double>(t));
    x.data<float>()[2 * i] = 0;
    x.data<float>()[2 * i + 1] = -t;
    expected.data<double>()[2 * i] = static_cast<double>(1 / (1 + e));
    expected.data<double>()[2 * i + 1] = static_cast<double>(e / (1 + e));
  }
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    CHECK(elementwise_error(softmax(x, 1), expected) < 1e-6);
  }
}

TEST_CASE("softmax: sums to 1 and ignores a shift of its line", "[softmax][property]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    for (const Shape& shape : {Shape{50, 2}, Shape{9, 19}, Shape{2, 3, 5, 7}, Shape{1, 1}}) {
      CAPTURE(to_string(shape));
      const Tensor x = random_tensor(shape, 5);
      Tensor shifted = x.clone();
      for (float& v : shifted.span<float>())
        v = (v * 64) + 1024;  // exact: a power of two, then room enough
      Tensor scaled = x.clone();
      for (float& v : scaled.span<float>()) v = (v * 64 + 1024) - 1024;
      CHECK(relative_error(softmax(shifted, 1), softmax(scaled, 1)) < 1e-6);
      const Tensor y = softmax(x, 1);
      const Index size = shape[1], inner = shape.rank() == 4 ? shape[2] * shape[3] : 1;
      for (Index line = 0; line < shape.numel() / size; ++line) {
        double sum = 0;
        for (Index i = 0; i < size; ++i) {
          const float v = y.data<float>()[line / inner * size * inner + i * inner + line % inner];
          CHECK(v > 0);
          sum += static_cast<double>(v);
        }
        CHECK(std::abs(sum - 1) < 1e-6);
      }
    }
  }
}

TEST_CASE("softmax: huge logits, infinities and NaNs", "[softmax][property]") {
  // Each line padded to 2, 3 or 20 values with -inf, which must not matter, and laid along either
  // axis.
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    for (const Index size : {2, 3, 20}) {
      for (const bool last_axis : {true, false}) {
        CAPTURE(size, last_axis);
        const auto pair = [&](float a, float b) {
          Tensor x = Tensor::empty(last_axis ? Shape{1, size} : Shape{1, size, 3});
          for (float& v : x.span<float>()) v = -kInf;
          for (Index r = 0; r < (last_axis ? 1 : 3); ++r) {
            x.data<float>()[r] = a;
            x.data<float>()[(last_axis ? 1 : 3) + r] = b;
          }
          const Tensor y = softmax(x, 1);
          for (Index i = 2; i < size; ++i) {
            const float padding = y.data<float>()[i * (last_axis ? 1 : 3)];
            CHECK((padding == 0 || std::isnan(a) || std::isnan(b) || std::fmax(a, b) == kInf ||
                   (a == -kInf && b == -kInf)));
          }
          return std::pair(y.data<float>()[0], y.data<float>()[last_axis ? 1 : 3]);
        };
        CHECK(pair(3e38F, 3e38F) == std::pair(0.5F, 0.5F));
        CHECK(pair(3e38F, -3e38F) == std::pair(1.0F, 0.0F));
        CHECK(pair(-3e38F, 1) == std::pair(0.0F, 1.0F));
        CHECK(pair(5, -kInf) == std::pair(1.0F, 0.0F));
        CHECK(pair(-kInf, -1000) == std::pair(0.0F, 1.0F));
        CHECK(pair(-1e5F, -1e5F) == std::pair(0.5F, 0.5F));
        for (const auto& [a, b] : {std::pair(std::nanf(""), 1.0F), std::pair(1.0F, std::nanf("")),
                                   std::pair(kInf, 1.0F), std::pair(-kInf, -kInf)}) {
          const auto [first, second] = pair(a, b);
          CAPTURE(a, b);
          CHECK(std::isnan(first));
          CHECK(std::isnan(second));
        }
      }
    }
  }
}

TEST_CASE("softmax: one element gives 1, none gives none", "[softmax][property]") {
  CHECK(same_bits(softmax(tensor({3, 1}, {-7, 0, 9}), 1), tensor({3, 1}, {1, 1, 1})));
  CHECK(softmax(Tensor::zeros({4, 0}), 1).shape() == Shape{4, 0});
  CHECK(softmax(Tensor::zeros({0, 4}), 1).shape() == Shape{0, 4});
}

TEST_CASE("softmax: same bits for any number of threads", "[softmax][property]") {
  const Tensor pairs = random_tensor({1, 30001, 2}, 6), planes = random_tensor({2, 4, 77, 78}, 7),
               lines = random_tensor({999, 37}, 8);
  check_same_bits_on_any_threads([&] { return softmax(pairs, 2); });
  check_same_bits_on_any_threads([&] { return softmax(planes, 1); });
  check_same_bits_on_any_threads([&] { return softmax(lines, 1); });
}

}  // namespace rf::test
