// Sums, differences, products and quotients with broadcasting: the walk of the reference, each row
// of the last axis in vectors. Along that axis an input goes on by one element or repeats.
namespace rf {
namespace {

template <class F>
void binary_row(const float* a, bool a_goes_on, const float* b, bool b_goes_on, float* y,
                Index length, F f) noexcept {
  const Vec one_a(*a), one_b(*b);
  Index i = 0;
  for (; i + kLanes <= length; i += kLanes) {
    f(a_goes_on ? Vec::load_unaligned(a + i) : one_a,
      b_goes_on ? Vec::load_unaligned(b + i) : one_b)
        .store_unaligned(y + i);
  }
  if (const Index rest = length - i; rest > 0) {
    store_partial(y + i,
                  f(a_goes_on ? load_partial(a + i, rest) : one_a,
                    b_goes_on ? load_partial(b + i, rest, 1.0F) : one_b),
                  rest);
  }
}

template <class F>
void binary_walk(const BinaryArgs<float>& args, Index begin, Index end, F f) noexcept {
  if (begin >= end) return;
  const int last = args.axes - 1;
  Index at[Shape::kMaxRank], rest = begin;
  const float *a = args.a, *b = args.b;
  for (int axis = last; axis >= 0; --axis) {
    at[axis] = rest % args.size[axis];
    rest /= args.size[axis];
    a += at[axis] * args.a_step[axis];
    b += at[axis] * args.b_step[axis];
  }
  for (Index i = begin; i < end;) {
    const Index left = args.size[last] - at[last], length = left < end - i ? left : end - i;
    binary_row(a, args.a_step[last] != 0, b, args.b_step[last] != 0, args.y + i, length, f);
    i += length;
    at[last] += length;
    a += length * args.a_step[last];
    b += length * args.b_step[last];
    for (int axis = last; axis > 0 && at[axis] == args.size[axis]; --axis) {
      at[axis] = 0;
      ++at[axis - 1];
      a += args.a_step[axis - 1] - args.size[axis] * args.a_step[axis];
      b += args.b_step[axis - 1] - args.size[axis] * args.b_step[axis];
    }
  }
}

void add(const BinaryArgs<float>& args, Index begin, Index end) noexcept {
  binary_walk(args, begin, end, [](Vec a, Vec b) { return a + b; });
}

void subtract(const BinaryArgs<float>& args, Index begin, Index end) noexcept {
  binary_walk(args, begin, end, [](Vec a, Vec b) { return a - b; });
}

void multiply(const BinaryArgs<float>& args, Index begin, Index end) noexcept {
  binary_walk(args, begin, end, [](Vec a, Vec b) { return a * b; });
}

void divide(const BinaryArgs<float>& args, Index begin, Index end) noexcept {
  binary_walk(args, begin, end, [](Vec a, Vec b) { return quotient(a, b); });
}

}  // namespace
}  // namespace rf
