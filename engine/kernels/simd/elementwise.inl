// ReLU and LeakyReLU: one vector at a time, the last one partial.
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

}  // namespace
}  // namespace rf
