// smooth_l1, l1 (beta 0) and their gradient: the reference's operations one by one, hence its bits.
namespace rf {
namespace {

void smooth_l1(const SmoothL1Args<float>& a, Index begin, Index end) noexcept {
  const Vec beta(a.beta), half(0.5F), half_beta(a.beta / 2);
  const auto f = [&](Vec x, Vec target) {
    const Vec d = x - target, size = xsimd::abs(d);
    return xsimd::select(size < beta, d * half * quotient(d, beta), size - half_beta);
  };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    f(Vec::load_unaligned(a.x + i), Vec::load_unaligned(a.target + i)).store_unaligned(a.y + i);
  }
  const Index rest = end - i;
  if (rest > 0) {
    store_partial(a.y + i, f(load_partial(a.x + i, rest), load_partial(a.target + i, rest)), rest);
  }
}

void smooth_l1_grad(const SmoothL1GradArgs<float>& a, Index begin, Index end) noexcept {
  const Vec beta(a.beta), zero(0.0F), one(1.0F);
  const auto f = [&](Vec gy, Vec x, Vec target) {
    const Vec d = x - target;
    const Vec sign = xsimd::select(d > zero, one, xsimd::select(d < zero, -one, d));  // NaN stays
    return gy * xsimd::select(xsimd::abs(d) < beta, quotient(d, beta), sign);
  };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    f(Vec::load_unaligned(a.gy + i), Vec::load_unaligned(a.x + i),
      Vec::load_unaligned(a.target + i))
        .store_unaligned(a.gx + i);
  }
  const Index rest = end - i;
  if (rest > 0) {
    store_partial(a.gx + i,
                  f(load_partial(a.gy + i, rest), load_partial(a.x + i, rest),
                    load_partial(a.target + i, rest)),
                  rest);
  }
}

}  // namespace
}  // namespace rf
