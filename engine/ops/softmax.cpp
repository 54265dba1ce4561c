#include "engine/ops/softmax.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

template <class T, class Kernel>
void run(const Tensor& x, Tensor& y, int axis, Kernel kernel) {
  Index inner = 1;
  for (int i = axis + 1; i < x.shape().rank(); ++i) inner *= x.shape()[i];
  const Index size = x.shape()[axis];
  const SoftmaxArgs<T> args{.x = x.data<T>(), .y = y.data<T>(), .size = size, .inner = inner};
  for_ranges(x.numel() / size, size, [&](Index begin, Index end) { kernel(args, begin, end); });
}

}  // namespace

Tensor softmax(const Tensor& x, int axis) {
  check_same_dtype("softmax", {&x});
  RF_CHECK_SHAPE(axis >= 0 && axis < x.shape().rank(), "softmax", "input ", x.shape(),
                 " has no axis ", axis);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (y.numel() == 0) return y;
  if (x.dtype() == DType::f64)
    run<double>(x, y, axis, reference::softmax<double>);
  else
    run<float>(x, y, axis, kernels().softmax);
  return y;
}

}  // namespace rf
