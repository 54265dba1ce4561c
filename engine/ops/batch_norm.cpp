#include "engine/ops/batch_norm.hpp"

#include "engine/check.hpp"
#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"
#include "engine/parallel.hpp"

namespace rf {

namespace {

template <class T, class Kernel>
void run(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
         const Tensor& var, double eps, Tensor& y, Kernel kernel) {
  const Index channels = x.shape()[1], planes = x.shape()[0] * channels;
  const BatchNormArgs<T> args{.x = x.data<T>(),
                              .y = y.data<T>(),
                              .gamma = gamma.data<T>(),
                              .beta = beta.data<T>(),
                              .mean = mean.data<T>(),
                              .var = var.data<T>(),
                              .eps = static_cast<T>(eps),
                              .channels = channels,
                              .plane = planes ? x.numel() / planes : 0};
  for_ranges(planes, args.plane, [&](Index begin, Index end) { kernel(args, begin, end); });
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                  const Tensor& var, const BatchNormParams& params) {
  RF_CHECK_SHAPE(x.shape().rank() >= 2, "batch_norm", "input ", x.shape(),
                 " needs at least [N, C]");
  check_same_dtype("batch_norm", {&x, &gamma, &beta, &mean, &var});
  const Shape channels{x.shape()[1]};
  for (const Tensor* t : {&gamma, &beta, &mean, &var}) {
    RF_CHECK_SHAPE(t->shape() == channels, "batch_norm", "input ", x.shape(),
                   " needs gamma, beta, mean and var of shape ", channels, ", got ", t->shape());
  }
  RF_CHECK_SHAPE(params.eps >= 0, "batch_norm", "eps ", params.eps, " is negative");
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (x.dtype() == DType::f64) {
    run<double>(x, gamma, beta, mean, var, params.eps, y, reference::batch_norm<double>);
  } else {
    run<float>(x, gamma, beta, mean, var, params.eps, y, kernels().batch_norm);
  }
  return y;
}

}  // namespace rf
