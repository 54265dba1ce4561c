// Softmax cross-entropy of two classes (face or not, per anchor), a row to a lane. With the margin
// z = x[other] - x[label] its loss is log(1 + e^z) and its gradient at the label -gy / (1 + e^-z),
// both of which keep their digits (2e-7 relative was measured) down to the smallest normal float,
// below which they are 0. Other numbers of classes, which no detector here has, run on the
// reference.
#include "engine/kernels/reference.hpp"

namespace rf {
namespace {

// Two-class rows, a block at a time, as the logits of the label and of the other class. Masked rows
// and those that fill the last vector have an infinite margin: loss and gradient come out as 0.
constexpr Index kTwoClassBlock = 256;
static_assert(kTwoClassBlock % kLanes == 0);
constexpr float kSurelyRight[2] = {0, -__builtin_inff()};

struct TwoClassRows {
  alignas(64) float own[kTwoClassBlock], other[kTwoClassBlock];

  TwoClassRows(const float* x, const std::int64_t* label, Index count) noexcept {
    for (Index r = 0; r < count; ++r) {
      const float* row = label[r] < 0 ? kSurelyRight : x + 2 * r;
      const Index c = label[r] > 0;
      own[r] = row[c];
      other[r] = row[1 - c];
    }
    for (Index r = count; r % kLanes != 0; ++r)
      own[r] = kSurelyRight[0], other[r] = kSurelyRight[1];
  }
};

struct Margin {
  Vec z, u;  // u = e^-|z|

  Margin(Vec own, Vec other) {
    z = other - own;
    const Vec distance = -xsimd::abs(z), zero(0.0F), back = z - other;
    // What rounding took from z (Knuth's exact difference): at z = -80, 4e-6 of e^z.
    const Vec lost = (other - (z - back)) - (own + back);
    // Where e^-|z| is 0 anyway z may be infinite: nothing is lost, unless a logit is +infinity and
    // the row has no softmax. inf - inf makes that row a NaN, as in the reference.
    const Vec largest = greater(own, other);
    const Vec correction = xsimd::select(distance > Vec(-88.0F),
                                         xsimd::select(z > zero, -lost, lost), largest - largest);
    const Vec e = exp_negative(distance);
    u = xsimd::fma(e, correction, e);
  }
};

// log(1 + u) for 0 <= u <= 1, within 3e-7 relative: 2 artanh(s) with s = u / (2 + u) <= 1 / 3,
// Taylor to s^13 (next term below 2e-8 of the first), in t = 2 s.
inline Vec log1p_unit(Vec u) {
  const Vec t = quotient(u + u, Vec(2.0F) + u), s2 = Vec(0.25F) * (t * t);
  Vec sum(1.0F / 13);
  sum = xsimd::fma(sum, s2, Vec(1.0F / 11));
  sum = xsimd::fma(sum, s2, Vec(1.0F / 9));
  sum = xsimd::fma(sum, s2, Vec(1.0F / 7));
  sum = xsimd::fma(sum, s2, Vec(1.0F / 5));
  sum = xsimd::fma(sum, s2, Vec(1.0F / 3));
  return xsimd::fma(sum * s2, t, t);
}

void softmax_cross_entropy(const SoftmaxCrossEntropyArgs<float>& a, Index begin,
                           Index end) noexcept {
  if (a.classes != 2) return reference::softmax_cross_entropy(a, begin, end);
  const auto loss = [](const TwoClassRows& rows, Index r) {
    const Margin m(Vec::load_aligned(rows.own + r), Vec::load_aligned(rows.other + r));
    return greater(m.z, Vec(0.0F)) + log1p_unit(m.u);
  };
  for (Index start = begin; start < end; start += kTwoClassBlock) {
    const Index count = end - start < kTwoClassBlock ? end - start : kTwoClassBlock;
    const TwoClassRows rows(a.x + 2 * start, a.label + start, count);
    Index r = 0;
    for (; r + kLanes <= count; r += kLanes) loss(rows, r).store_unaligned(a.y + start + r);
    if (r < count) store_partial(a.y + start + r, loss(rows, r), count - r);
  }
}

void softmax_cross_entropy_grad(const SoftmaxCrossEntropyGradArgs<float>& a, Index begin,
                                Index end) noexcept {
  if (a.classes != 2) return reference::softmax_cross_entropy_grad(a, begin, end);
  const Vec zero(0.0F), one(1.0F);
  for (Index start = begin; start < end; start += kTwoClassBlock) {
    const Index count = end - start < kTwoClassBlock ? end - start : kTwoClassBlock;
    const std::int64_t* label = a.label + start;
    const TwoClassRows rows(a.x + 2 * start, label, count);
    alignas(64) float wrong[kTwoClassBlock];  // the share of the other class
    for (Index r = 0; r < count; r += kLanes) {
      const Margin m(Vec::load_aligned(rows.own + r), Vec::load_aligned(rows.other + r));
      quotient(xsimd::select(m.z > zero, one, m.u), one + m.u).store_aligned(wrong + r);
    }
    const float* gy = a.gy + start;
    float* gx = a.gx + 2 * start;
    for (Index r = 0; r < count; ++r) {
      const float g = (label[r] < 0 ? 0.0F : gy[r]) * wrong[r];
      const Index c = label[r] > 0;
      gx[2 * r + c] = 0.0F - g;  // not -g: a masked row has no -0
      gx[2 * r + 1 - c] = g;
    }
  }
}

}  // namespace
}  // namespace rf
