#include "engine/ops/batch_norm.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"
#include "engine/world.hpp"

namespace rf {

namespace {

// x as [batch, channels, plane].
struct Layout {
  Index channels, planes, plane;

  Layout(const char* op, const Tensor& x) {
    RF_CHECK_SHAPE(x.shape().rank() >= 2, op, "input ", x.shape(), " needs at least [N, C]");
    channels = x.shape()[1];
    planes = x.shape()[0] * channels;
    plane = planes ? x.numel() / planes : 0;
  }
};

void check_channels(const char* op, const Tensor& x, std::initializer_list<const Tensor*> vectors) {
  const Shape channels{x.shape()[1]};
  for (const Tensor* t : vectors) {
    RF_CHECK_SHAPE(t->shape() == channels, op, "input ", x.shape(),
                   " needs gamma, beta, mean and var of shape ", channels, ", got ", t->shape());
  }
}

template <class T>
auto normalise_kernel() {
  if constexpr (std::is_same_v<T, double>)
    return reference::batch_norm<double>;
  else
    return kernels().batch_norm;
}
template <class T>
auto moments_kernel() {
  if constexpr (std::is_same_v<T, double>)
    return reference::batch_norm_moments<double>;
  else
    return kernels().batch_norm_moments;
}
template <class T>
auto products_kernel() {
  if constexpr (std::is_same_v<T, double>)
    return reference::batch_norm_products<double>;
  else
    return kernels().batch_norm_products;
}
template <class T>
auto grad_kernel() {
  if constexpr (std::is_same_v<T, double>)
    return reference::batch_norm_grad<double>;
  else
    return kernels().batch_norm_grad;
}

template <class T>
BatchNormFunction<T> function(const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& var, const BatchNormParams& params,
                              const Layout& layout) {
  return {.gamma = gamma.data<T>(),
          .beta = beta.data<T>(),
          .mean = mean.data<T>(),
          .var = var.data<T>(),
          .eps = static_cast<T>(params.eps),
          .slope = static_cast<T>(params.slope),
          .channels = layout.channels,
          .plane = layout.plane};
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                  const Tensor& var, const BatchNormParams& params) {
  const Layout layout("batch_norm", x);
  check_same_dtype("batch_norm", {&x, &gamma, &beta, &mean, &var});
  check_channels("batch_norm", x, {&gamma, &beta, &mean, &var});
  RF_CHECK_SHAPE(params.eps >= 0, "batch_norm", "eps ", params.eps, " is negative");
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  with_float_type(x, [&]<class T>(T) {
    const BatchNormArgs<T> args{.x = x.data<T>(),
                                .y = y.data<T>(),
                                .f = function<T>(gamma, beta, mean, var, params, layout)};
    const auto kernel = normalise_kernel<T>();
    for_ranges(layout.planes, layout.plane,
               [&](Index begin, Index end) { kernel(args, begin, end); });
  });
  return y;
}

void detail::batch_norm_moments(const Tensor& x, PlaneSums& sums, Index first_plane) {
  const Layout layout("batch_norm", x);
  with_float_type(x, [&]<class T>(T) {
    const BatchNormMomentsArgs<T> args{.x = x.data<T>(),
                                       .mean = sums.first.data() + first_plane,
                                       .m2 = sums.second.data() + first_plane,
                                       .plane = layout.plane};
    const auto kernel = moments_kernel<T>();
    for_ranges(layout.planes, layout.plane,
               [&](Index begin, Index end) { kernel(args, begin, end); });
  });
}

BatchNormStats detail::batch_norm_join(const PlaneSums& moments, const Tensor& x) {
  const Layout layout("batch_norm", x);
  BatchNormStats stats{Tensor::empty({layout.channels}, x.dtype()),
                       Tensor::empty({layout.channels}, x.dtype())};
  // Planes of equal size are joined, also those of other processes: the mean of means, and squared
  // deviations from it.
  const Index batch = layout.planes / layout.channels;
  const double n = static_cast<double>(batch * world().size()),
               count = static_cast<double>(layout.plane);
  std::vector<double> centre(static_cast<std::size_t>(layout.channels)), squares(centre.size());
  const auto for_each_plane = [&](auto&& visit) {  // visit(channel, plane)
    for (std::size_t c = 0; c < centre.size(); ++c) {
      for (Index i = 0; i < batch; ++i) visit(c, static_cast<std::size_t>(i * layout.channels) + c);
    }
  };
  for_each_plane([&](std::size_t c, std::size_t p) { centre[c] += moments.first[p]; });
  world().sum(centre);
  for (double& value : centre) value /= n;
  for_each_plane([&](std::size_t c, std::size_t p) {
    const double distance = moments.first[p] - centre[c];
    squares[c] += moments.second[p] + count * distance * distance;
  });
  world().sum(squares);
  with_float_type(x, [&]<class T>(T) {
    for (std::size_t c = 0; c < centre.size(); ++c) {
      stats.mean.template data<T>()[c] = static_cast<T>(centre[c]);
      stats.var.template data<T>()[c] = static_cast<T>(squares[c] / (n * count));
    }
  });
  return stats;
}

BatchNormStats batch_norm_stats(const Tensor& x) {
  const Layout layout("batch_norm", x);
  check_same_dtype("batch_norm", {&x});
  RF_CHECK_SHAPE(x.numel() > 0, "batch_norm", "input ", x.shape(),
                 " has no elements to take a mean of");
  detail::PlaneSums moments(layout.planes);
  detail::batch_norm_moments(x, moments, 0);
  return detail::batch_norm_join(moments, x);
}

detail::BatchNormGradient::BatchNormGradient(const Tensor& gy, const Tensor& x, const Tensor& g,
                                             const Tensor& b, const BatchNormStats& s,
                                             BatchNormMode mode, const BatchNormParams& p,
                                             BatchNormSums wanted)
    : gamma(Tensor::zeros(g.shape(), x.dtype())),
      beta(Tensor::zeros(g.shape(), x.dtype())),
      gamma_value_(g),
      beta_value_(b),
      stats_(s),
      params_(p) {
  const Layout layout("batch_norm gradient", x);
  check_same_dtype("batch_norm gradient", {&gy, &x, &g, &b, &s.mean, &s.var});
  RF_CHECK_SHAPE(gy.shape() == x.shape(), "batch_norm gradient", "dL/dy is ", gy.shape(),
                 ", the input was ", x.shape());
  check_channels("batch_norm gradient", x, {&g, &b, &s.mean, &s.var});
  coefficients_ = Tensor::zeros({3, layout.channels}, x.dtype());
  if (x.numel() == 0) return;
  PlaneSums sums(layout.planes);
  with_float_type(x, [&]<class T>(T) {
    const auto f = function<T>(g, b, s.mean, s.var, p, layout);
    const BatchNormProductsArgs<T> args{.gy = gy.data<T>(),
                                        .x = x.data<T>(),
                                        .sum_gz = sums.first.data(),
                                        .sum_gzx = sums.second.data(),
                                        .f = f};
    const auto products = products_kernel<T>();
    if (wanted == BatchNormSums::wanted || mode == BatchNormMode::batch) {
      for_ranges(layout.planes, layout.plane,
                 [&](Index begin, Index end) { products(args, begin, end); });
    }
    T *a = coefficients_.data<T>(), *slopes = a + layout.channels, *c = slopes + layout.channels;
    const Index batch = layout.planes / layout.channels;
    // Per channel: sum of gz, and of gz (x - mean).
    std::vector<double> of_channel(static_cast<std::size_t>(2 * layout.channels));
    for (Index k = 0; k < layout.channels; ++k) {
      double &sum = of_channel[static_cast<std::size_t>(2 * k)],
             &centred = of_channel[static_cast<std::size_t>(2 * k + 1)];
      for (Index i = 0; i < batch; ++i) {
        sum += sums.first[static_cast<std::size_t>(i * layout.channels + k)];
        centred += sums.second[static_cast<std::size_t>(i * layout.channels + k)];
      }
    }
    // dL/dgamma and dL/dbeta are this process's part; x depends on all of them.
    std::vector<double> of_all = of_channel;
    double count = static_cast<double>(batch * layout.plane);
    if (mode == BatchNormMode::batch) {
      world().sum(of_all);
      count *= world().size();
    }
    for (Index k = 0; k < layout.channels; ++k) {
      const auto i = static_cast<std::size_t>(2 * k);
      const double inverse = 1 / std::sqrt(static_cast<double>(f.var[k]) + p.eps);
      const double scale = static_cast<double>(f.gamma[k]) * inverse;
      beta.data<T>()[k] = static_cast<T>(of_channel[i]);
      gamma.data<T>()[k] = static_cast<T>(of_channel[i + 1] * inverse);
      a[k] = static_cast<T>(scale);
      if (mode == BatchNormMode::running) continue;
      const double sum = of_all[i], centred = of_all[i + 1];
      const double slope = -scale * inverse * inverse * centred / count;
      slopes[k] = static_cast<T>(slope);
      c[k] = static_cast<T>(-scale * sum / count - slope * static_cast<double>(f.mean[k]));
    }
  });
}

void detail::BatchNormGradient::apply(const Tensor& gy, const Tensor& x, Tensor& gx) const {
  if (x.numel() == 0) return;
  const Layout layout("batch_norm gradient", x);
  with_float_type(x, [&]<class T>(T) {
    const T* a = std::as_const(coefficients_).data<T>();
    const BatchNormGradArgs<T> args{
        .gy = gy.data<T>(),
        .x = x.data<T>(),
        .gx = gx.data<T>(),
        .a = a,
        .b = a + layout.channels,
        .c = a + 2 * layout.channels,
        .f = function<T>(gamma_value_, beta_value_, stats_.mean, stats_.var, params_, layout)};
    const auto kernel = grad_kernel<T>();
    for_ranges(layout.planes, layout.plane,
               [&](Index begin, Index end) { kernel(args, begin, end); });
  });
}

BatchNormGrads batch_norm_grad(const Tensor& gy, const Tensor& x, const Tensor& gamma,
                               const Tensor& beta, const BatchNormStats& stats, BatchNormMode mode,
                               const BatchNormParams& params) {
  const detail::BatchNormGradient gradient(gy, x, gamma, beta, stats, mode, params);
  Tensor gx = Tensor::empty(x.shape(), x.dtype());
  gradient.apply(gy, x, gx);
  return {gx, gradient.gamma, gradient.beta};
}

}  // namespace rf
