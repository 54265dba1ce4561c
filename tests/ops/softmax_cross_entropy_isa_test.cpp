#include <cmath>
#include <limits>

#include "engine/kernels/reference.hpp"
#include "engine/ops/softmax_cross_entropy.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// Labels that end, like GuardedFloats, where an unreadable page begins: the classes in turn, every
// seventh row masked.
class GuardedLabels {
 public:
  GuardedLabels(Index rows, Index classes) : memory_(2 * rows) {
    for (Index r = 0; r < rows; ++r) data()[r] = r % 7 == 3 ? -1 : r % classes;
  }
  [[nodiscard]] std::int64_t* data() { return reinterpret_cast<std::int64_t*>(memory_.data()); }

 private:
  static_assert(sizeof(std::int64_t) == 2 * sizeof(float));
  GuardedFloats memory_;
};

// max over elements of |a - b| / (|b| + floor); infinite where only one of them is a NaN.
double elementwise_error(const Tensor& a, const Tensor& b, double floor = 0) {
  const Tensor wide_a = a.to(DType::f64), wide_b = b.to(DType::f64);
  double worst = 0;
  for (Index i = 0; i < a.numel(); ++i) {
    const double x = wide_a.data<double>()[i], y = wide_b.data<double>()[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double error = std::abs(x - y) / (std::abs(y) + floor);
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::fmax(worst, error);
  }
  return worst;
}

// The reference adds e^z to a double 1: what is far below 1 it knows to 1e-16, not to some digits.
constexpr double kReferenceFloor = 1e-9;  // times 1e-6

}  // namespace

TEST_CASE("softmax_cross_entropy: every table agrees with the reference, within bounds",
          "[softmax_cross_entropy][isa]") {
  std::vector<std::pair<Index, Index>> sizes;  // rows, classes
  for (Index rows = 0; rows <= 37; ++rows) sizes.emplace_back(rows, 2);
  for (const Index rows : {255, 256, 257, 300, 529}) sizes.emplace_back(rows, 2);
  for (const Index classes : {1, 3, 20}) sizes.emplace_back(5, classes);
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const auto& [rows, classes] : sizes) {
      CAPTURE(table->name, rows, classes);
      const Index n = rows * classes;
      GuardedFloats x(n), gy(rows), y(rows), gx(n), y_expected(rows), gx_expected(n);
      x.randomize(4), gy.randomize(5);
      GuardedLabels labels(rows, classes);
      SoftmaxCrossEntropyArgs<float> args{
          .x = x.data(), .label = labels.data(), .y = y.data(), .classes = classes};
      table->softmax_cross_entropy(args, 0, rows);
      args.y = y_expected.data();
      reference::softmax_cross_entropy(args, 0, rows);
      CHECK(elementwise_error(y.copy(), y_expected.copy()) < 1e-6);
      CHECK(y.front_is_intact());
      SoftmaxCrossEntropyGradArgs<float> grad{.gy = gy.data(),
                                              .x = x.data(),
                                              .label = labels.data(),
                                              .gx = gx.data(),
                                              .classes = classes};
      table->softmax_cross_entropy_grad(grad, 0, rows);
      grad.gx = gx_expected.data();
      reference::softmax_cross_entropy_grad(grad, 0, rows);
      CHECK(elementwise_error(gx.copy(), gx_expected.copy()) < 1e-6);
      CHECK(gx.front_is_intact());
    }
  }
}

TEST_CASE("softmax_cross_entropy: a call writes its rows alone, wherever it starts",
          "[softmax_cross_entropy][isa]") {
  constexpr Index kRows = 45;
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const auto& [begin, end] : {std::pair<Index, Index>{1, 44}, {3, 20}, {7, 8}, {9, 9}}) {
      CAPTURE(table->name, begin, end);
      GuardedFloats x(2 * kRows), gy(kRows), y(kRows), gx(2 * kRows), whole_y(kRows),
          whole_gx(2 * kRows);
      x.randomize(6), gy.randomize(7);
      GuardedLabels labels(kRows, 2);
      SoftmaxCrossEntropyArgs<float> args{
          .x = x.data(), .label = labels.data(), .y = y.data(), .classes = 2};
      SoftmaxCrossEntropyGradArgs<float> grad{
          .gy = gy.data(), .x = x.data(), .label = labels.data(), .gx = gx.data(), .classes = 2};
      table->softmax_cross_entropy(args, begin, end);
      table->softmax_cross_entropy_grad(grad, begin, end);
      args.y = whole_y.data(), grad.gx = whole_gx.data();
      table->softmax_cross_entropy(args, 0, kRows);
      table->softmax_cross_entropy_grad(grad, 0, kRows);
      for (Index r = 0; r < kRows; ++r) {
        const bool inside = r >= begin && r < end;
        CHECK((inside ? y.data()[r] == whole_y.data()[r] : y.data()[r] < -1000));
        for (const Index i : {2 * r, 2 * r + 1}) {
          CHECK((inside ? gx.data()[i] == whole_gx.data()[i] : gx.data()[i] < -1000));
        }
      }
    }
  }
}

TEST_CASE("softmax_cross_entropy: losses and gradients keep 1e-6 relative for margins of -80 to 80",
          "[softmax_cross_entropy][isa]") {
  // With z = x[other] - x[label]: log(1 + e^z), and 1 / (1 + e^-z) for the other class, by the C
  // library in long double. The two logits stand around numbers that make their difference in float
  // inexact.
  constexpr Index kSteps = 40001;
  for (const float middle : {0.0F, 0.1F, -33.7F, 77.3F}) {
    Tensor x = Tensor::empty({kSteps, 2}), labels = Tensor::empty({kSteps}, DType::i64);
    Tensor loss = Tensor::empty({kSteps}, DType::f64),
           gradient = Tensor::empty({kSteps, 2}, DType::f64);
    for (Index r = 0; r < kSteps; ++r) {
      const float half = 80.0F * static_cast<float>(r) / (kSteps - 1) - 40.0F;
      x.data<float>()[2 * r] = middle + half;
      x.data<float>()[2 * r + 1] = middle - half;
      const Index own = r % 2, other = 1 - own;
      labels.data<std::int64_t>()[r] = own;
      const long double z = static_cast<long double>(x.data<float>()[2 * r + other]) -
                            static_cast<long double>(x.data<float>()[2 * r + own]);
      const long double wrong = 1 / (1 + std::exp(-z));
      loss.data<double>()[r] =
          static_cast<double>(z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z)));
      gradient.data<double>()[2 * r + own] = static_cast<double>(-wrong);
      gradient.data<double>()[2 * r + other] = static_cast<double>(wrong);
    }
    Tensor gy = Tensor::empty({kSteps});
    for (float& v : gy.span<float>()) v = 1;
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name, middle);
      const WithKernels use(*table);
      const double floor = table == &isa::scalar ? kReferenceFloor : 0;
      CHECK(elementwise_error(softmax_cross_entropy(x, labels), loss, floor) < 1e-6);
      CHECK(elementwise_error(softmax_cross_entropy_grad(gy, x, labels), gradient, floor) < 1e-6);
    }
  }
}

TEST_CASE("softmax_cross_entropy: infinities and NaNs are those of the reference on every table",
          "[softmax_cross_entropy][isa]") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  const std::vector<float> values = {nan, inf, -inf, 1.5e38F, -1.5e38F, 1000, -50, 1, 0, 1e-40F};
  std::vector<float> logits;  // every pair of them, with every label
  std::vector<std::int64_t> label;
  for (const float a : values) {
    for (const float b : values) {
      for (const std::int64_t l : {-1, 0, 1}) {
        logits.insert(logits.end(), {a, b});
        label.push_back(l);
      }
    }
  }
  const auto rows = static_cast<Index>(label.size());
  const Tensor x = Tensor::from({rows, 2}, std::span<const float>(logits));
  const Tensor labels = Tensor::from({rows}, std::span<const std::int64_t>(label));
  for (const float seed : {1.0F, -2.0F, 0.0F, nan}) {
    const std::vector<float> seeds(label.size(), seed);
    const Tensor gy = Tensor::from({rows}, std::span<const float>(seeds));
    const auto both = [&](const KernelTable& table) {
      const WithKernels use(table);
      return std::pair(softmax_cross_entropy(x, labels), softmax_cross_entropy_grad(gy, x, labels));
    };
    const auto [loss, gradient] = both(isa::scalar);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name, seed);
      const auto [y, gx] = both(*table);
      CHECK(elementwise_error(y, loss, kReferenceFloor) < 1e-6);
      CHECK(elementwise_error(gx, gradient, kReferenceFloor) < 1e-6);
      for (Index r = 0; r < rows; r += 3) {  // the masked ones: 0, not -0
        const float zeros[] = {y.data<float>()[r], gx.data<float>()[2 * r],
                               gx.data<float>()[2 * r + 1]};
        for (const float v : zeros) CHECK((v == 0 && !std::signbit(v)));
      }
    }
  }
}

}  // namespace rf::test
