#include "engine/ops/max_pool2d.hpp"

#include <algorithm>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

template <class T, class Kernel>
void run(const Tensor& x, Tensor& y, const MaxPool2dParams& p, Kernel kernel) {
  const Shape &in = x.shape(), &out = y.shape();
  const MaxPool2dArgs<T> args{.x = x.data<T>(),
                              .y = y.data<T>(),
                              .in_h = in[2],
                              .in_w = in[3],
                              .out_h = out[2],
                              .out_w = out[3],
                              .kernel = p.kernel,
                              .stride = p.stride,
                              .pad = p.pad};
  const Index read_per_row = checked_mul(in[3], std::min(p.kernel, in[2]));
  for_ranges(out[0] * out[1] * out[2], read_per_row,
             [&](Index begin, Index end) { kernel(args, begin, end); });
}

template <class T>
void run_grad(const Tensor& gy, const Tensor& x, Tensor& gx, const MaxPool2dParams& p) {
  const Shape &in = x.shape(), &out = gy.shape();
  const MaxPool2dGradArgs<T> args{.gy = gy.data<T>(),
                                  .x = x.data<T>(),
                                  .gx = gx.data<T>(),
                                  .in_h = in[2],
                                  .in_w = in[3],
                                  .out_h = out[2],
                                  .out_w = out[3],
                                  .kernel = p.kernel,
                                  .stride = p.stride,
                                  .pad = p.pad};
  for_ranges(in[0] * in[1], in[2] * in[3],
             [&](Index begin, Index end) { reference::max_pool2d_grad(args, begin, end); });
}

}  // namespace

Shape max_pool2d_out_shape(const Shape& x, const MaxPool2dParams& p) {
  RF_CHECK_SHAPE(x.rank() == 4, "max_pool2d", "input ", x, " must be [N, C, H, W]");
  RF_CHECK_SHAPE(p.kernel >= 1 && p.stride >= 1 && p.pad >= 0 && p.pad <= p.kernel / 2,
                 "max_pool2d", "kernel ", p.kernel, ", stride ", p.stride, ", pad ", p.pad,
                 ": kernel and stride start at 1, pad goes from 0 to kernel / 2");
  const auto out_size = [&](int axis) {
    RF_CHECK_SHAPE(x[axis] >= 1, "max_pool2d", "input ", x, " has planes without elements");
    const Index padded = checked_add(x[axis], checked_mul(2, p.pad));
    RF_CHECK_SHAPE(padded >= p.kernel, "max_pool2d", "input ", x, " with pad=", p.pad,
                   " is smaller than kernel ", p.kernel);
    return (padded - p.kernel) / p.stride + 1;
  };
  return {x[0], x[1], out_size(2), out_size(3)};
}

Tensor max_pool2d(const Tensor& x, const MaxPool2dParams& params) {
  const Shape out = max_pool2d_out_shape(x.shape(), params);
  check_same_dtype("max_pool2d", {&x});
  Tensor y = Tensor::empty(out, x.dtype());
  if (x.dtype() == DType::f64)
    run<double>(x, y, params, reference::max_pool2d<double>);
  else
    run<float>(x, y, params, kernels().max_pool2d);
  return y;
}

Tensor max_pool2d_grad(const Tensor& gy, const Tensor& x, const MaxPool2dParams& params) {
  const Shape y = max_pool2d_out_shape(x.shape(), params);
  check_same_dtype("max_pool2d gradient", {&gy, &x});
  RF_CHECK_SHAPE(gy.shape() == y, "max_pool2d gradient", "dL/dy is ", gy.shape(),
                 ", the output was ", y);
  Tensor gx = Tensor::empty(x.shape(), x.dtype());
  if (x.dtype() == DType::f64)
    run_grad<double>(gy, x, gx, params);
  else
    run_grad<float>(gy, x, gx, params);
  return gx;
}

}  // namespace rf
