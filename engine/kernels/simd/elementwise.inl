// ReLU, LeakyReLU and its gradient: one vector at a time, the last one partial.
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
  const Vec slope(a.slope);
  const auto f = [&](Vec x) { return activated(x, slope); };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) f(Vec::load_unaligned(a.x + i)).store_unaligned(a.y + i);
  if (i < end) store_partial(a.y + i, f(load_partial(a.x + i, end - i)), end - i);
}

void leaky_relu_grad(const LeakyReluGradArgs<float>& a, Index begin, Index end) noexcept {
  // Slope 0 as a mask: 0 times an infinite gy would be a NaN, and times a negative one -0.
  const Vec zero(0.0F), slope(a.slope);
  const auto passes_nothing = slope == zero;
  const auto f = [&](Vec gy, Vec y) {
    return xsimd::select(y > zero, gy, xsimd::select(passes_nothing, zero, slope * gy));
  };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    f(Vec::load_unaligned(a.gy + i), Vec::load_unaligned(a.y + i)).store_unaligned(a.gx + i);
  }
  const Index rest = end - i;
  if (rest > 0)
    store_partial(a.gx + i, f(load_partial(a.gy + i, rest), load_partial(a.y + i, rest)), rest);
}

}  // namespace
}  // namespace rf
