#include "engine/ops/arithmetic.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"
#include "engine/ops/sum.hpp"

namespace rf {

namespace {

template <class T>
using BinaryKernel = void (*)(const BinaryArgs<T>&, Index begin, Index end) noexcept;

// For each axis of y: how many elements apart x's neighbours along it lie; 0 where x repeats.
std::array<Index, Shape::kMaxRank> steps(const Shape& x, const Shape& y) {
  std::array<Index, Shape::kMaxRank> result{};
  Index step = 1;
  for (int axis = x.rank() - 1; axis >= 0; step *= x[axis--]) {
    const auto i = static_cast<std::size_t>(axis + y.rank() - x.rank());
    result[i] = x[axis] == 1 ? 0 : step;
  }
  return result;
}

// Axes of one element are dropped, and axes that both inputs walk like one are joined: operands of
// one shape have a single axis.
template <class T>
BinaryArgs<T> binary_args(const Tensor& a, const Tensor& b, Tensor& y) {
  const Shape& shape = y.shape();
  const auto a_steps = steps(a.shape(), shape), b_steps = steps(b.shape(), shape);
  BinaryArgs<T> args{.a = a.data<T>(), .b = b.data<T>(), .y = y.data<T>()};
  args.axes = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const Index size = shape[axis], a_step = a_steps[static_cast<std::size_t>(axis)],
                b_step = b_steps[static_cast<std::size_t>(axis)];
    if (size == 1) continue;
    int to = args.axes - 1;
    const bool joins =
        to >= 0 && args.a_step[to] == a_step * size && args.b_step[to] == b_step * size;
    if (!joins) to = args.axes++;
    args.size[to] = joins ? args.size[to] * size : size;
    args.a_step[to] = a_step;
    args.b_step[to] = b_step;
  }
  if (args.axes == 0) args.axes = 1;  // one element
  return args;
}

void run(const Tensor& a, const Tensor& b, Tensor& y, BinaryKernel<float> f32,
         BinaryKernel<double> f64) {
  const auto with = [&]<class T>(BinaryKernel<T> kernel) {
    const BinaryArgs<T> args = binary_args<T>(a, b, y);
    for_ranges(y.numel(), 1, [&](Index begin, Index end) { kernel(args, begin, end); });
  };
  if (y.dtype() == DType::f64)
    with(f64);
  else
    with(f32);
}

Tensor binary(const char* op, const Tensor& a, const Tensor& b, BinaryKernel<float> f32,
              BinaryKernel<double> f64) {
  check_same_dtype(op, {&a, &b});
  Tensor y = Tensor::empty(broadcast_shape(a.shape(), b.shape(), op), a.dtype());
  run(a, b, y, f32, f64);
  return y;
}

Tensor scalar(double value, DType dtype) {
  return Tensor::from(Shape{}, std::span<const double>(&value, 1)).to(dtype);
}

void check_repeats(const char* op, const Shape& from, const Shape& to) {
  RF_CHECK_SHAPE(from.rank() <= to.rank() && broadcast_shape(from, to, op) == to, op, "shape ",
                 from, " does not repeat to ", to);
}

}  // namespace

Shape broadcast_shape(const Shape& a, const Shape& b, const char* op) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<Index, Shape::kMaxRank> dims{};
  for (int axis = 0; axis < rank; ++axis) {
    const int in_a = axis - rank + a.rank(), in_b = axis - rank + b.rank();
    const Index size_a = in_a >= 0 ? a[in_a] : 1, size_b = in_b >= 0 ? b[in_b] : 1;
    RF_CHECK_SHAPE(size_a == size_b || size_a == 1 || size_b == 1, op, "shapes ", a, " and ", b,
                   " do not broadcast: sizes ", size_a, " and ", size_b,
                   " differ and neither is 1 (axes are aligned from the last)");
    dims[static_cast<std::size_t>(axis)] = size_a == 1 ? size_b : size_a;
  }
  return Shape(std::span<const Index>(dims.data(), static_cast<std::size_t>(rank)));
}

Tensor add(const Tensor& a, const Tensor& b) {
  return binary("add", a, b, kernels().add, reference::add<double>);
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  return binary("subtract", a, b, kernels().subtract, reference::subtract<double>);
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  return binary("multiply", a, b, kernels().multiply, reference::multiply<double>);
}

Tensor divide(const Tensor& a, const Tensor& b) {
  return binary("divide", a, b, kernels().divide, reference::divide<double>);
}

Tensor scale(const Tensor& x, double factor) {
  check_same_dtype("scale", {&x});
  return multiply(x, scalar(factor, x.dtype()));
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  check_same_dtype("broadcast_to", {&x});
  check_repeats("broadcast_to", x.shape(), shape);
  if (x.shape() == shape) return x;
  // A product with 1 is exact, and so the copy needs no kernel of its own.
  Tensor y = Tensor::empty(shape, x.dtype());
  run(x, scalar(1, x.dtype()), y, kernels().multiply, reference::multiply<double>);
  return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  check_same_dtype("sum_to", {&x});
  check_repeats("sum_to", shape, x.shape());
  if (x.shape() == shape) return x;
  const int missing = x.shape().rank() - shape.rank();
  std::vector<int> repeated;
  for (int axis = 0; axis < x.shape().rank(); ++axis) {
    if (axis < missing || shape[axis - missing] != x.shape()[axis]) repeated.push_back(axis);
  }
  return sum(x, repeated).reshaped(shape);
}

void add_to(Tensor& sum, const Tensor& b) {
  check_same_dtype("add", {&sum, &b});
  RF_CHECK_SHAPE(sum.shape() == b.shape(), "add", "shapes ", sum.shape(), " and ", b.shape(),
                 " must be the same to add in place");
  run(sum, b, sum, kernels().add, reference::add<double>);
}

}  // namespace rf
