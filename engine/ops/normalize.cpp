#include "engine/ops/normalize.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

// The size of a vector.
Index check(const Tensor& x, double eps) {
  const int rank = x.shape().rank();
  RF_CHECK_SHAPE(rank >= 1, "normalize", "input ", x.shape(), " must be [.., C]");
  RF_CHECK_SHAPE(eps > 0, "normalize", "eps ", eps, " must be positive");
  return x.shape()[rank - 1];
}

}  // namespace

Tensor normalize(const Tensor& x, double eps) {
  check_same_dtype("normalize", {&x});
  const Index size = check(x, eps);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (y.numel() == 0) return y;
  const auto run = [&]<class T>(T) {
    const NormalizeArgs<T> args{.x = x.data<T>(), .y = y.data<T>(), .size = size, .eps = eps};
    for_ranges(x.numel() / size, size,
               [&](Index begin, Index end) { reference::normalize(args, begin, end); });
  };
  if (x.dtype() == DType::f64)
    run(double{});
  else
    run(float{});
  return y;
}

Tensor normalize_grad(const Tensor& gy, const Tensor& x, double eps) {
  check_same_dtype("normalize gradient", {&gy, &x});
  const Index size = check(x, eps);
  RF_CHECK_SHAPE(gy.shape() == x.shape(), "normalize gradient", "dL/dy is ", gy.shape(),
                 ", the output was ", x.shape());
  Tensor gx = Tensor::empty(x.shape(), x.dtype());
  if (gx.numel() == 0) return gx;
  const auto run = [&]<class T>(T) {
    const NormalizeGradArgs<T> args{
        .gy = gy.data<T>(), .x = x.data<T>(), .gx = gx.data<T>(), .size = size, .eps = eps};
    for_ranges(x.numel() / size, size,
               [&](Index begin, Index end) { reference::normalize_grad(args, begin, end); });
  };
  if (x.dtype() == DType::f64)
    run(double{});
  else
    run(float{});
  return gx;
}

}  // namespace rf
