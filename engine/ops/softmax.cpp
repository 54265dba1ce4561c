#include "engine/ops/softmax.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

// Elements between neighbours along `axis`.
Index step_along(const Shape& shape, int axis) {
  Index inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  return inner;
}

void check_axis(const char* op, const Shape& shape, int axis) {
  RF_CHECK_SHAPE(axis >= 0 && axis < shape.rank(), op, "input ", shape, " has no axis ", axis);
}

template <class T, class Kernel>
void run(const Tensor& x, Tensor& y, int axis, Kernel kernel) {
  const Index size = x.shape()[axis];
  const SoftmaxArgs<T> args{
      .x = x.data<T>(), .y = y.data<T>(), .size = size, .inner = step_along(x.shape(), axis)};
  for_ranges(x.numel() / size, size, [&](Index begin, Index end) { kernel(args, begin, end); });
}

template <class T>
void run_grad(const Tensor& gy, const Tensor& y, Tensor& gx, int axis) {
  const Index size = y.shape()[axis];
  const SoftmaxGradArgs<T> args{.gy = gy.data<T>(),
                                .y = y.data<T>(),
                                .gx = gx.data<T>(),
                                .size = size,
                                .inner = step_along(y.shape(), axis)};
  for_ranges(y.numel() / size, size,
             [&](Index begin, Index end) { reference::softmax_grad(args, begin, end); });
}

}  // namespace

Tensor softmax(const Tensor& x, int axis) {
  check_same_dtype("softmax", {&x});
  check_axis("softmax", x.shape(), axis);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (y.numel() == 0) return y;
  if (x.dtype() == DType::f64)
    run<double>(x, y, axis, reference::softmax<double>);
  else
    run<float>(x, y, axis, kernels().softmax);
  return y;
}

Tensor softmax_grad(const Tensor& gy, const Tensor& y, int axis) {
  check_same_dtype("softmax gradient", {&gy, &y});
  check_axis("softmax gradient", y.shape(), axis);
  RF_CHECK_SHAPE(gy.shape() == y.shape(), "softmax gradient", "dL/dy is ", gy.shape(),
                 ", the output was ", y.shape());
  Tensor gx = Tensor::empty(y.shape(), y.dtype());
  if (gx.numel() == 0) return gx;
  if (y.dtype() == DType::f64)
    run_grad<double>(gy, y, gx, axis);
  else
    run_grad<float>(gy, y, gx, axis);
  return gx;
}

}  // namespace rf
