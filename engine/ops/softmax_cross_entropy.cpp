#include "engine/ops/softmax_cross_entropy.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

void check_labels(const char* op, const Tensor& labels, Index classes) {
  RF_CHECK_SHAPE(labels.dtype() == DType::i64, op, "labels are ", labels.dtype(), ", needed is ",
                 DType::i64);
  const std::int64_t* label = labels.data<std::int64_t>();
  for (Index r = 0; r < labels.numel(); ++r) {
    RF_CHECK_SHAPE(label[r] >= -1 && label[r] < classes, op, "the label of row ", r, " is ",
                   label[r], "; classes run from 0 to ", classes - 1, ", and -1 masks a row");
  }
}

}  // namespace

Shape softmax_cross_entropy_out_shape(const Shape& x, const Shape& labels) {
  RF_CHECK_SHAPE(x.rank() == 2 && x[1] > 0 && labels == Shape{x[0]}, "softmax_cross_entropy",
                 "logits ", x, " and labels ", labels, ", needed are [R, C] with C > 0, and [R]");
  return labels;
}

Tensor softmax_cross_entropy(const Tensor& x, const Tensor& labels) {
  const Shape out = softmax_cross_entropy_out_shape(x.shape(), labels.shape());
  check_same_dtype("softmax_cross_entropy", {&x});
  const Index classes = x.shape()[1];
  check_labels("softmax_cross_entropy", labels, classes);
  Tensor y = Tensor::empty(out, x.dtype());
  const auto run =
      [&]<class T>(void (*kernel)(const SoftmaxCrossEntropyArgs<T>&, Index, Index) noexcept) {
        const SoftmaxCrossEntropyArgs<T> args{.x = x.data<T>(),
                                              .label = labels.data<std::int64_t>(),
                                              .y = y.data<T>(),
                                              .classes = classes};
        for_ranges(y.numel(), classes, [&](Index begin, Index end) { kernel(args, begin, end); });
      };
  if (x.dtype() == DType::f64)
    run(reference::softmax_cross_entropy<double>);
  else
    run(kernels().softmax_cross_entropy);
  return y;
}

Tensor softmax_cross_entropy_grad(const Tensor& gy, const Tensor& x, const Tensor& labels) {
  const char* op = "softmax_cross_entropy gradient";
  const Shape out = softmax_cross_entropy_out_shape(x.shape(), labels.shape());
  check_same_dtype(op, {&gy, &x});
  RF_CHECK_SHAPE(gy.shape() == out, op, "dL/dy is ", gy.shape(), ", the output was ", out);
  const Index classes = x.shape()[1];
  check_labels(op, labels, classes);
  Tensor gx = Tensor::empty(x.shape(), x.dtype());
  const auto run =
      [&]<class T>(void (*kernel)(const SoftmaxCrossEntropyGradArgs<T>&, Index, Index) noexcept) {
        const SoftmaxCrossEntropyGradArgs<T> args{.gy = gy.data<T>(),
                                                  .x = x.data<T>(),
                                                  .label = labels.data<std::int64_t>(),
                                                  .gx = gx.data<T>(),
                                                  .classes = classes};
        for_ranges(out.numel(), classes, [&](Index begin, Index end) { kernel(args, begin, end); });
      };
  if (x.dtype() == DType::f64)
    run(reference::softmax_cross_entropy_grad<double>);
  else
    run(kernels().softmax_cross_entropy_grad);
  return gx;
}

}  // namespace rf
