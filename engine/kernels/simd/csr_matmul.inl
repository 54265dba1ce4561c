// A sparse matrix times dense rows: a few vectors of features stay in registers while a row's
// entries pass.
namespace rf {
namespace {

template <int Vectors>
[[gnu::always_inline]] inline void csr_columns(const CsrMatmulArgs<float>& a, const float* x,
                                               Index row, Index r, Index at) noexcept {
  Vec sum[Vectors];
  for (int v = 0; v < Vectors; ++v) sum[v] = Vec(0.0F);
  for (Index e = a.row_begin[r]; e < a.row_begin[r + 1]; ++e) {
    const Vec value(static_cast<float>(a.value[e]));
    const float* from = x + a.column[e] * a.features + at;
    for (int v = 0; v < Vectors; ++v)
      sum[v] = xsimd::fma(value, Vec::load_unaligned(from + v * kLanes), sum[v]);
  }
  const Vec factor(a.factor);
  for (int v = 0; v < Vectors; ++v) {
    const Index place = row * a.features + at + v * kLanes;
    Vec y = factor * sum[v];
    if (a.minus) y = y - Vec::load_unaligned(a.minus + place);
    if (a.plus) y = y + Vec::load_unaligned(a.plus + place);
    y.store_unaligned(a.y + place);
  }
}

// The same for the last `count` features, fewer than a vector's.
inline void csr_rest(const CsrMatmulArgs<float>& a, const float* x, Index row, Index r, Index at,
                     Index count) noexcept {
  const Index place = row * a.features + at;
  Vec sum(0.0F);
  for (Index e = a.row_begin[r]; e < a.row_begin[r + 1]; ++e)
    sum = xsimd::fma(Vec(static_cast<float>(a.value[e])),
                     load_partial(x + a.column[e] * a.features + at, count), sum);
  sum = Vec(a.factor) * sum;
  if (a.minus) sum = sum - load_partial(a.minus + place, count);
  if (a.plus) sum = sum + load_partial(a.plus + place, count);
  store_partial(a.y + place, sum, count);
}

void csr_matmul(const CsrMatmulArgs<float>& a, Index begin, Index end) noexcept {
  Index r = begin % a.rows;
  const float* x = a.x + begin / a.rows * a.columns * a.features;
  for (Index row = begin; row < end; ++row) {
    Index at = 0;
    for (; at + 4 * kLanes <= a.features; at += 4 * kLanes) csr_columns<4>(a, x, row, r, at);
    for (; at + 2 * kLanes <= a.features; at += 2 * kLanes) csr_columns<2>(a, x, row, r, at);
    for (; at + kLanes <= a.features; at += kLanes) csr_columns<1>(a, x, row, r, at);
    if (at < a.features) csr_rest(a, x, row, r, at, a.features - at);
    if (++r == a.rows) {
      r = 0;
      x += a.columns * a.features;
    }
  }
}

}  // namespace
}  // namespace rf
