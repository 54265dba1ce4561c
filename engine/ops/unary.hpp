// What functions of one tensor, element by element, share: checks, allocation, chunks. Args is a
// struct of engine/kernels/args.hpp with the pointers in, out and then the function's parameters.
#pragma once

#include "engine/kernels/args.hpp"
#include "engine/ops/run.hpp"

namespace rf {

template <template <class> class Args, class T>
using ElementKernel = void (*)(const Args<T>&, Index begin, Index end) noexcept;

// y = f(x), of the shape of x, by the kernel for its type. Throws ShapeError.
template <template <class> class Args, class... Parameters>
[[nodiscard]] Tensor unary(const char* op, const Tensor& x, ElementKernel<Args, float> f32,
                           ElementKernel<Args, double> f64, Parameters... parameters) {
  check_same_dtype(op, {&x});
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const auto run = [&]<class T>(ElementKernel<Args, T> kernel) {
    const Args<T> args{x.data<T>(), y.template data<T>(), static_cast<T>(parameters)...};
    for_ranges(x.numel(), 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  if (x.dtype() == DType::f64)
    run(f64);
  else
    run(f32);
  return y;
}

// gx = f'(x) gy, where `saved` is the x or y of the forward pass. Throws ShapeError.
template <template <class> class Args, class... Parameters>
[[nodiscard]] Tensor unary_grad(const char* op, const Tensor& gy, const Tensor& saved,
                                ElementKernel<Args, float> f32, ElementKernel<Args, double> f64,
                                Parameters... parameters) {
  check_same_dtype(op, {&gy, &saved});
  RF_CHECK_SHAPE(gy.shape() == saved.shape(), op, "dL/dy is ", gy.shape(), ", the output was ",
                 saved.shape());
  Tensor gx = Tensor::empty(gy.shape(), gy.dtype());
  const auto run = [&]<class T>(ElementKernel<Args, T> kernel) {
    const Args<T> args{gy.data<T>(), saved.data<T>(), gx.template data<T>(),
                       static_cast<T>(parameters)...};
    for_ranges(gy.numel(), 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  if (gy.dtype() == DType::f64)
    run(f64);
  else
    run(f32);
  return gx;
}

}  // namespace rf
