#include "engine/ops/cross.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

Tensor cross(const Tensor& a, const Tensor& b) {
  check_same_dtype("cross", {&a, &b});
  const int rank = a.shape().rank();
  RF_CHECK_SHAPE(a.shape() == b.shape() && rank >= 1 && a.shape()[rank - 1] == 3, "cross",
                 "shapes ", a.shape(), " and ", b.shape(), " must be the same, [.., 3]");
  Tensor y = Tensor::empty(a.shape(), a.dtype());
  const auto run = [&]<class T>(T) {
    const CrossArgs<T> args{.a = a.data<T>(), .b = b.data<T>(), .y = y.data<T>()};
    for_ranges(y.numel() / 3, 3,
               [&](Index begin, Index end) { reference::cross(args, begin, end); });
  };
  if (a.dtype() == DType::f64)
    run(double{});
  else
    run(float{});
  return y;
}

}  // namespace rf
