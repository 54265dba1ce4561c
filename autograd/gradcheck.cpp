#include "autograd/gradcheck.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/node.hpp"
#include "engine/check.hpp"
#include "engine/random.hpp"

namespace rf::ag {

namespace {

Tensor normal_like(const Tensor& t, std::uint64_t seed, std::uint32_t item) {
  Tensor out = Tensor::empty(t.shape(), DType::f64);
  Random random(seed, RandomPurpose::test, 0, item);
  for (double& v : out.span<double>()) v = static_cast<double>(random.normal());
  return out;
}

double dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (Index i = 0; i < a.numel(); ++i) sum += a.data<double>()[i] * b.data<double>()[i];
  return sum;
}

// New tensors start as NaN for as long as this lives.
class PoisonScope {
 public:
  PoisonScope() { Tensor::poison_new(true); }
  PoisonScope(const PoisonScope&) = delete;
  PoisonScope& operator=(const PoisonScope&) = delete;
  ~PoisonScope() { Tensor::poison_new(false); }
};

}  // namespace

GradcheckReport gradcheck(const std::function<Var(const std::vector<Var>&)>& f,
                          const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  const PoisonScope poison;
  std::vector<Var> leaves;
  std::vector<Tensor> starts;  // what each gradient holds before
  bool any = false;
  for (const Tensor& input : inputs) {
    if (input.dtype() == DType::f32)
      throw UsageError("gradcheck: inputs must be f64, got f32; convert with to(DType::f64)");
    Var& leaf = leaves.emplace_back(input.clone());
    starts.push_back(
        normal_like(input, options.seed + 1, static_cast<std::uint32_t>(starts.size())));
    if (input.dtype() != DType::f64) continue;
    any = true;
    leaf.set_requires_grad(true);
    leaf.set_grad(starts.back().clone());
  }
  if (!any) throw UsageError("gradcheck: no input is f64");

  const Var output = f(leaves);
  const Tensor v = normal_like(output.value(), options.seed, 0);
  if (!output.requires_grad())
    throw UsageError("gradcheck: the output wants no gradient: no operation was recorded");
  output.backward(v);

  const NoGradScope no_grad;
  GradcheckReport report{.passed = true, .worst = 0, .text = ""};
  for (std::size_t n = 0; n < leaves.size(); ++n) {
    if (!leaves[n].requires_grad()) continue;
    const Tensor& analytic = leaves[n].grad();
    const Index count = inputs[n].numel();
    std::vector<double> numeric(static_cast<std::size_t>(count));
    double largest = 1;
    for (Index i = 0; i < count; ++i) {
      const double x = inputs[n].data<double>()[i], h = options.step * std::max(1.0, std::abs(x));
      const auto loss_at = [&](double value) {
        std::vector<Var> moved = leaves;
        Tensor changed = inputs[n].clone();
        changed.data<double>()[i] = value;
        moved[n] = Var(changed);
        return dot(v, f(moved).value());
      };
      const double low = x - h, high = x + h;
      numeric[static_cast<std::size_t>(i)] = (loss_at(high) - loss_at(low)) / (high - low);
      largest = std::max(largest, std::abs(numeric[static_cast<std::size_t>(i)]));
    }
    for (Index i = 0; i < count; ++i) {
      const double found = analytic.data<double>()[i] - starts[n].data<double>()[i];
      const double wanted = numeric[static_cast<std::size_t>(i)];
      const double error = std::abs(found - wanted) / largest;
      if (error <= report.worst) continue;  // a NaN goes on
      report.worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
      report.passed = report.worst <= options.tolerance;
      report.text = message("input ", n, ", index ", i, ": analytic ", found,
                            ", central difference ", wanted);
      if (std::isnan(error)) return report;
    }
  }
  if (report.passed) report.text = message("passed, worst ", report.worst);
  return report;
}

}  // namespace rf::ag
