#include "engine/ops/resize_bilinear.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

template <class T, class Kernel>
void run(const Tensor& x, Tensor& y, Kernel kernel) {
  const Shape &in = x.shape(), &out = y.shape();
  const ResizeBilinearArgs<T> args{.x = x.data<T>(),
                                   .y = y.data<T>(),
                                   .in_h = in[2],
                                   .in_w = in[3],
                                   .out_h = out[2],
                                   .out_w = out[3]};
  for_ranges(out[0] * out[1] * out[2], in[3] + out[3],
             [&](Index begin, Index end) { kernel(args, begin, end); });
}

template <class T>
void run_grad(const Tensor& gy, Tensor& gx) {
  const Shape &in = gx.shape(), &out = gy.shape();
  const ResizeBilinearGradArgs<T> args{.gy = gy.data<T>(),
                                       .gx = gx.data<T>(),
                                       .in_h = in[2],
                                       .in_w = in[3],
                                       .out_h = out[2],
                                       .out_w = out[3]};
  for_ranges(in[0] * in[1], in[2] * in[3] + out[2] * out[3],
             [&](Index begin, Index end) { reference::resize_bilinear_grad(args, begin, end); });
}

}  // namespace

Shape resize_bilinear_out_shape(const Shape& x, const ResizeBilinearParams& p) {
  RF_CHECK_SHAPE(x.rank() == 4 && x[2] >= 1 && x[3] >= 1, "resize_bilinear", "input ", x,
                 " must be [N, C, H, W] with H and W of at least 1");
  RF_CHECK_SHAPE(p.out_h >= 1 && p.out_w >= 1, "resize_bilinear", "size ", p.out_h, " x ", p.out_w,
                 " must be at least 1 x 1");
  return {x[0], x[1], p.out_h, p.out_w};
}

Tensor resize_bilinear(const Tensor& x, const ResizeBilinearParams& params) {
  const Shape out = resize_bilinear_out_shape(x.shape(), params);
  check_same_dtype("resize_bilinear", {&x});
  Tensor y = Tensor::empty(out, x.dtype());
  if (x.dtype() == DType::f64)
    run<double>(x, y, reference::resize_bilinear<double>);
  else
    run<float>(x, y, kernels().resize_bilinear);
  return y;
}

Tensor resize_bilinear_grad(const Tensor& gy, const Shape& x) {
  check_same_dtype("resize_bilinear gradient", {&gy});
  const Shape& y = gy.shape();
  RF_CHECK_SHAPE(y.rank() == 4 && resize_bilinear_out_shape(x, {y[2], y[3]}) == y,
                 "resize_bilinear gradient", "dL/dy is ", y, ", the input was ", x);
  Tensor gx = Tensor::empty(x, gy.dtype());
  if (gy.dtype() == DType::f64)
    run_grad<double>(gy, gx);
  else
    run_grad<float>(gy, gx);
  return gx;
}

}  // namespace rf
