#include "engine/ops/linear.hpp"

#include <array>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/arithmetic.hpp"
#include "engine/ops/matmul.hpp"
#include "engine/ops/permute.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

template <class T, class Kernel>
void run(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y, Kernel kernel) {
  const LinearArgs<T> args{.x = x.data<T>(),
                           .w = w.data<T>(),
                           .b = b.numel() ? b.data<T>() : nullptr,
                           .y = y.data<T>(),
                           .in_features = w.shape()[1],
                           .out_features = w.shape()[0]};
  for_ranges(y.numel(), args.in_features,
             [&](Index begin, Index end) { kernel(args, begin, end); });
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b) {
  RF_CHECK_SHAPE(x.shape().rank() == 2 && w.shape().rank() == 2 && x.shape()[1] == w.shape()[1],
                 "linear", "input ", x.shape(), " and weight ", w.shape(),
                 " must be [N, C] and [K, C]");
  const Index features = w.shape()[0];
  check_same_dtype("linear", {&x, &w, b.numel() ? &b : nullptr});
  RF_CHECK_SHAPE(b.numel() == 0 || b.shape() == Shape{features}, "linear", "bias ", b.shape(),
                 " must be [", features, "]");
  // The kernel computes dot products, one load per product; a matrix product uses each load several
  // times and is 2 to 4 times as fast once it is large enough (measured with AVX-512 from here on).
  if (x.dtype() == DType::f32 && x.shape()[0] >= 64 && features >= 16) {
    const Tensor product = matmul(x, permute(w, std::array{1, 0}));
    return b.numel() ? add(product, b) : product;
  }
  Tensor y = Tensor::empty({x.shape()[0], features}, x.dtype());
  if (x.dtype() == DType::f64)
    run<double>(x, w, b, y, reference::linear<double>);
  else
    run<float>(x, w, b, y, kernels().linear);
  return y;
}

}  // namespace rf
