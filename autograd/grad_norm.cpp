#include "autograd/grad_norm.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "engine/ops/run.hpp"

namespace rf::ag {

namespace {

double sum_of_squares(const Tensor& x) {
  constexpr Index kBlock = 16384;
  std::vector<double> sums(static_cast<std::size_t>(ceil_div(x.numel(), kBlock)));
  with_float_type(x, [&]<class T>(T) {
    const T* values = x.data<T>();
    parallel_for(static_cast<Index>(sums.size()), [&](Index block) {
      const Index begin = block * kBlock, end = std::min(begin + kBlock, x.numel());
      double sum = 0;
      for (Index i = begin; i < end; ++i) {
        const auto value = static_cast<double>(values[i]);
        sum += value * value;
      }
      sums[static_cast<std::size_t>(block)] = sum;
    });
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

Tensor scaled(const Tensor& x, double factor) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  with_float_type(x, [&]<class T>(T) {
    const auto scale = static_cast<T>(factor);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    for_ranges(x.numel(), 1, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) to[i] = scale * from[i];
    });
  });
  return y;
}

}  // namespace

double global_grad_norm(std::span<const Parameter> parameters) {
  double sum = 0;
  for (const Parameter& parameter : parameters) {
    if (has_gradient(parameter)) sum += sum_of_squares(parameter.var.grad());
  }
  return std::sqrt(sum);
}

double clip_grad_norm(std::span<const Parameter> parameters, double max_norm) {
  if (!(max_norm > 0))
    throw UsageError(message("clip_grad_norm: max_norm ", max_norm, " must be above 0"));
  const double norm = global_grad_norm(parameters);
  if (!std::isfinite(norm) || norm <= max_norm) return norm;
  for (const Parameter& parameter : parameters) {
    if (!has_gradient(parameter)) continue;
    Var var = parameter.var;
    var.set_grad(scaled(var.grad(), max_norm / norm));
  }
  return norm;
}

}  // namespace rf::ag
