// ReLU, LeakyReLU and addition: one vector at a time, the last one partial.
namespace rf {
namespace {

void relu(const ReluArgs<float>& a, Index begin, Index end) noexcept {
  const Vec zero(0.0F);
  const auto f = [&](Vec x) {
    return xsimd::select(x <= zero, zero, x);
  };  // a NaN compares false and stays
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) f(Vec::load_unaligned(a.x + i)).store_unaligned(a.y + i);
  if (i < end) store_partial(a.y + i, f(load_partial(a.x + i, end - i)), end - i);
}

void leaky_relu(const LeakyReluArgs<float>& a, Index begin, Index end) noexcept {
  const Vec zero(0.0F), slope(a.slope);
  const auto f = [&](Vec x) { return xsimd::select(x > zero, x, slope * x); };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) f(Vec::load_unaligned(a.x + i)).store_unaligned(a.y + i);
  if (i < end) store_partial(a.y + i, f(load_partial(a.x + i, end - i)), end - i);
}

void add(const AddArgs<float>& a, Index begin, Index end) noexcept {
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    (Vec::load_unaligned(a.a + i) + Vec::load_unaligned(a.b + i)).store_unaligned(a.y + i);
  }
  const Index rest = end - i;
  if (rest > 0)
    store_partial(a.y + i, load_partial(a.a + i, rest) + load_partial(a.b + i, rest), rest);
}

}  // namespace
}  // namespace rf
