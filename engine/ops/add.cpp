#include "engine/ops/add.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

template <class T, class Kernel>
void run(const Tensor& a, const Tensor& b, Tensor& y, Kernel kernel) {
  const AddArgs<T> args{.a = a.data<T>(), .b = b.data<T>(), .y = y.data<T>()};
  for_ranges(y.numel(), 1, [&](Index begin, Index end) { kernel(args, begin, end); });
}

void check(const Tensor& a, const Tensor& b) {
  check_same_dtype("add", {&a, &b});
  RF_CHECK_SHAPE(a.shape() == b.shape(), "add", "shapes ", a.shape(), " and ", b.shape(),
                 " must be the same");
}

void run(const Tensor& a, const Tensor& b, Tensor& y) {
  if (a.dtype() == DType::f64)
    run<double>(a, b, y, reference::add<double>);
  else
    run<float>(a, b, y, kernels().add);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  check(a, b);
  Tensor y = Tensor::empty(a.shape(), a.dtype());
  run(a, b, y);
  return y;
}

void add_to(Tensor& sum, const Tensor& b) {
  check(sum, b);
  run(sum, b, sum);
}

}  // namespace rf
