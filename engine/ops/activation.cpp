#include "engine/ops/activation.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

template <class Args, class Kernel>
void run(const Args& args, Index elements, Kernel kernel) {
  for_ranges(elements, 1, [&](Index begin, Index end) { kernel(args, begin, end); });
}

}  // namespace

Tensor relu(const Tensor& x) {
  check_same_dtype("relu", {&x});
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (x.dtype() == DType::f64) {
    run(ReluArgs<double>{.x = x.data<double>(), .y = y.data<double>()}, x.numel(),
        reference::relu<double>);
  } else {
    run(ReluArgs<float>{.x = x.data<float>(), .y = y.data<float>()}, x.numel(), kernels().relu);
  }
  return y;
}

Tensor leaky_relu(const Tensor& x, const LeakyReluParams& params) {
  check_same_dtype("leaky_relu", {&x});
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (x.dtype() == DType::f64) {
    const LeakyReluArgs<double> args{
        .x = x.data<double>(), .y = y.data<double>(), .slope = params.slope};
    run(args, x.numel(), reference::leaky_relu<double>);
  } else {
    const LeakyReluArgs<float> args{
        .x = x.data<float>(), .y = y.data<float>(), .slope = static_cast<float>(params.slope)};
    run(args, x.numel(), kernels().leaky_relu);
  }
  return y;
}

}  // namespace rf
