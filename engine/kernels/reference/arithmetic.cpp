#include <algorithm>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

// y = f(a, b) for elements begin .. end - 1, row of the last axis by row. `at` is where the walk
// stands on each axis; a and b follow it.
template <class T, class F>
void walk(const BinaryArgs<T>& args, Index begin, Index end, F f) noexcept {
  if (begin >= end) return;
  const int last = args.axes - 1;
  Index at[Shape::kMaxRank], rest = begin;
  const T *a = args.a, *b = args.b;
  for (int axis = last; axis >= 0; --axis) {
    at[axis] = rest % args.size[axis];
    rest /= args.size[axis];
    a += at[axis] * args.a_step[axis];
    b += at[axis] * args.b_step[axis];
  }
  for (Index i = begin; i < end;) {
    const Index length = std::min(args.size[last] - at[last], end - i);
    const Index a_step = args.a_step[last], b_step = args.b_step[last];
    for (Index k = 0; k < length; ++k) args.y[i + k] = f(a[k * a_step], b[k * b_step]);
    i += length;
    at[last] += length;
    a += length * a_step;
    b += length * b_step;
    for (int axis = last; axis > 0 && at[axis] == args.size[axis]; --axis) {
      at[axis] = 0;
      ++at[axis - 1];
      a += args.a_step[axis - 1] - args.size[axis] * args.a_step[axis];
      b += args.b_step[axis - 1] - args.size[axis] * args.b_step[axis];
    }
  }
}

}  // namespace

template <class T>
void add(const BinaryArgs<T>& args, Index begin, Index end) noexcept {
  walk(args, begin, end, [](T a, T b) { return a + b; });
}

template <class T>
void subtract(const BinaryArgs<T>& args, Index begin, Index end) noexcept {
  walk(args, begin, end, [](T a, T b) { return a - b; });
}

template <class T>
void multiply(const BinaryArgs<T>& args, Index begin, Index end) noexcept {
  walk(args, begin, end, [](T a, T b) { return a * b; });
}

template <class T>
void divide(const BinaryArgs<T>& args, Index begin, Index end) noexcept {
  walk(args, begin, end, [](T a, T b) { return a / b; });
}

template void add(const BinaryArgs<float>&, Index, Index) noexcept;
template void add(const BinaryArgs<double>&, Index, Index) noexcept;
template void subtract(const BinaryArgs<float>&, Index, Index) noexcept;
template void subtract(const BinaryArgs<double>&, Index, Index) noexcept;
template void multiply(const BinaryArgs<float>&, Index, Index) noexcept;
template void multiply(const BinaryArgs<double>&, Index, Index) noexcept;
template void divide(const BinaryArgs<float>&, Index, Index) noexcept;
template void divide(const BinaryArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
