// e^x and e^x - 1 of negative numbers, and what is made of them element by element: ELU, the
// sigmoid.
namespace rf {
namespace {

// e^x = 2^k e^r, k = round(x / ln 2), |r| <= ln 2 / 2, and e^r = 1 + r q: q by Taylor of e^r to r^7
// (next term below 6e-9). For x of at least -87.3.
struct ExpParts {
  Vec r, q, power;  // power: 2^k
};

inline ExpParts exp_parts(Vec x) {
  // Not an xsimd::batch, whose bitwise_cast and shifts are calls on NEON in version 8.1.
  using Bits [[gnu::vector_size(sizeof(Vec))]] = std::uint32_t;
  const Vec magic(12582912.0F);  // 1.5 * 2^23: adding it leaves round(x / ln 2) in the low bits
  const Vec shifted = xsimd::fma(x, Vec(1.44269504F), magic);
  const Vec k = shifted - magic;
  Vec r = xsimd::fma(k, Vec(-0.693359375F), x);  // ln 2 in two parts, the first exact in 10 bits
  r = xsimd::fma(k, Vec(2.12194440e-4F), r);
  Vec q(1.0F / 5040);
  q = xsimd::fma(q, r, Vec(1.0F / 720));
  q = xsimd::fma(q, r, Vec(1.0F / 120));
  q = xsimd::fma(q, r, Vec(1.0F / 24));
  q = xsimd::fma(q, r, Vec(1.0F / 6));
  q = xsimd::fma(q, r, Vec(0.5F));
  q = xsimd::fma(q, r, Vec(1.0F));
  const Bits exponent = (reinterpret_cast<Bits>(shifted.data) << 23) + 0x3F800000U;
  return {r, q, Vec(reinterpret_cast<Vec::register_type>(exponent))};
}

// e^x for x <= 0, within 3e-7 relative down to -87.3 (the smallest normal float is e^-87.336), 0
// below; NaN for NaN.
inline Vec exp_negative(Vec x) {
  const ExpParts e = exp_parts(x);
  return xsimd::select(x < Vec(-87.3F), Vec(0.0F), xsimd::fma(e.q, e.r, Vec(1.0F)) * e.power);
}

// e^x - 1 for x <= 0, within 3e-7 relative, also near 0; NaN for NaN.
inline Vec expm1_negative(Vec x) {
  const ExpParts e = exp_parts(x);
  const Vec one(1.0F), value = xsimd::fma(e.power, e.q * e.r, e.power - one);
  return xsimd::select(x < Vec(-87.3F), -one, value);
}

void elu(const EluArgs<float>& a, Index begin, Index end) noexcept {
  const Vec zero(0.0F), alpha(a.alpha);
  const auto f = [&](Vec x) { return xsimd::select(x > zero, x, alpha * expm1_negative(x)); };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) f(Vec::load_unaligned(a.x + i)).store_unaligned(a.y + i);
  if (i < end) store_partial(a.y + i, f(load_partial(a.x + i, end - i)), end - i);
}

void elu_grad(const EluGradArgs<float>& a, Index begin, Index end) noexcept {
  const Vec zero(0.0F), alpha(a.alpha);
  const auto f = [&](Vec gy, Vec y) { return xsimd::select(y > zero, gy, (y + alpha) * gy); };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    f(Vec::load_unaligned(a.gy + i), Vec::load_unaligned(a.y + i)).store_unaligned(a.gx + i);
  }
  const Index rest = end - i;
  if (rest > 0)
    store_partial(a.gx + i, f(load_partial(a.gy + i, rest), load_partial(a.y + i, rest)), rest);
}

// 1 / (1 + e^-x) by e^-|x|, which does not overflow.
void sigmoid(const UnaryArgs<float>& a, Index begin, Index end) noexcept {
  const Vec zero(0.0F), one(1.0F);
  const auto f = [&](Vec x) {
    const Vec e = exp_negative(-xsimd::abs(x));
    return quotient(xsimd::select(x < zero, e, one), one + e);
  };
  Index i = begin;
  for (; i + kLanes <= end; i += kLanes) f(Vec::load_unaligned(a.x + i)).store_unaligned(a.y + i);
  if (i < end) store_partial(a.y + i, f(load_partial(a.x + i, end - i)), end - i);
}

}  // namespace
}  // namespace rf
