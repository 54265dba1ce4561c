// Batch norm as one multiply-add per element: scale = gamma / sqrt(var + eps), shift = beta - mean
// scale.
namespace rf {
namespace {

void batch_norm(const BatchNormArgs<float>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const Index c = plane % a.channels;
    const float scale = a.gamma[c] / __builtin_sqrtf(a.var[c] + a.eps);
    const float shift = a.beta[c] - a.mean[c] * scale;
    const Vec vscale(scale), vshift(shift);
    const float* x = a.x + plane * a.plane;
    float* y = a.y + plane * a.plane;
    Index i = 0;
    for (; i + kLanes <= a.plane; i += kLanes) {
      xsimd::fma(Vec::load_unaligned(x + i), vscale, vshift).store_unaligned(y + i);
    }
    const Index rest = a.plane - i;
    if (rest > 0) store_partial(y + i, xsimd::fma(load_partial(x + i, rest), vscale, vshift), rest);
  }
}

}  // namespace
}  // namespace rf
