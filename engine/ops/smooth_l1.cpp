#include "engine/ops/smooth_l1.hpp"

#include <limits>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

void check_beta(const Tensor& x, const SmoothL1Params& params) {
  const double smallest = x.dtype() == DType::f64
                              ? std::numeric_limits<double>::min()
                              : static_cast<double>(std::numeric_limits<float>::min());
  const double largest = x.dtype() == DType::f64
                             ? std::numeric_limits<double>::max()
                             : static_cast<double>(std::numeric_limits<float>::max());
  RF_CHECK_SHAPE(params.beta >= smallest && params.beta <= largest, "smooth_l1", "beta ",
                 params.beta, " must be a number above 0 (for 0 there is l1)");
}

void check_pair(const char* op, const Tensor& x, const Tensor& target) {
  check_same_dtype(op, {&x, &target});
  RF_CHECK_SHAPE(x.shape() == target.shape(), op, "input ", x.shape(), " and target ",
                 target.shape(), " differ");
}

Tensor forward(const Tensor& x, const Tensor& target, double beta) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const auto run = [&]<class T>(void (*kernel)(const SmoothL1Args<T>&, Index, Index) noexcept) {
    const SmoothL1Args<T> args{.x = x.data<T>(),
                               .target = target.data<T>(),
                               .y = y.data<T>(),
                               .beta = static_cast<T>(beta)};
    for_ranges(y.numel(), 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  if (x.dtype() == DType::f64)
    run(reference::smooth_l1<double>);
  else
    run(kernels().smooth_l1);
  return y;
}

Tensor gradient(const char* op, const Tensor& gy, const Tensor& x, const Tensor& target,
                double beta) {
  check_pair(op, x, target);
  check_same_dtype(op, {&gy, &x});
  RF_CHECK_SHAPE(gy.shape() == x.shape(), op, "dL/dy is ", gy.shape(), ", the input was ",
                 x.shape());
  Tensor gx = Tensor::empty(x.shape(), x.dtype());
  const auto run = [&]<class T>(void (*kernel)(const SmoothL1GradArgs<T>&, Index, Index) noexcept) {
    const SmoothL1GradArgs<T> args{.gy = gy.data<T>(),
                                   .x = x.data<T>(),
                                   .target = target.data<T>(),
                                   .gx = gx.data<T>(),
                                   .beta = static_cast<T>(beta)};
    for_ranges(gx.numel(), 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  if (x.dtype() == DType::f64)
    run(reference::smooth_l1_grad<double>);
  else
    run(kernels().smooth_l1_grad);
  return gx;
}

}  // namespace

Tensor smooth_l1(const Tensor& x, const Tensor& target, const SmoothL1Params& params) {
  check_pair("smooth_l1", x, target);
  check_beta(x, params);
  return forward(x, target, params.beta);
}

Tensor l1(const Tensor& x, const Tensor& target) {
  check_pair("l1", x, target);
  return forward(x, target, 0);
}

Tensor smooth_l1_grad(const Tensor& gy, const Tensor& x, const Tensor& target,
                      const SmoothL1Params& params) {
  check_beta(x, params);
  return gradient("smooth_l1 gradient", gy, x, target, params.beta);
}

Tensor l1_grad(const Tensor& gy, const Tensor& x, const Tensor& target) {
  return gradient("l1 gradient", gy, x, target, 0);
}

}  // namespace rf
