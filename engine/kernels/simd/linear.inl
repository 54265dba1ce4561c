// Fully connected layer as dot products: up to four rows of the weight at a time share each load of
// x.
namespace rf {
namespace {

// y[k] = b[k] + w[k] . x for Rows consecutive k. Each sum has an order of its own, whatever Rows
// is.
template <int Rows>
void dot_products(const float* w, const float* x, Index length, const float* b, float* y) noexcept {
  Vec sum[Rows];
  for (int k = 0; k < Rows; ++k) sum[k] = Vec(0.0F);
  Index c = 0;
  for (; c + kLanes <= length; c += kLanes) {
    const Vec value = Vec::load_unaligned(x + c);
    for (int k = 0; k < Rows; ++k)
      sum[k] = xsimd::fma(Vec::load_unaligned(w + k * length + c), value, sum[k]);
  }
  if (const Index rest = length - c; rest > 0) {
    const Vec value = load_partial(x + c, rest);
    for (int k = 0; k < Rows; ++k)
      sum[k] = xsimd::fma(load_partial(w + k * length + c, rest), value, sum[k]);
  }
  for (int k = 0; k < Rows; ++k) y[k] = (b ? b[k] : 0.0F) + sum_lanes(sum[k]);
}

void linear(const LinearArgs<float>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end;) {
    const Index n = unit / a.out_features, k = unit % a.out_features;
    const Index left =
        end - unit < a.out_features - k ? end - unit : a.out_features - k;  // in this row of y
    const float *w = a.w + k * a.in_features, *x = a.x + n * a.in_features,
                *b = a.b ? a.b + k : nullptr;
    if (left >= 4) {
      dot_products<4>(w, x, a.in_features, b, a.y + unit);
      unit += 4;
    } else {
      dot_products<1>(w, x, a.in_features, b, a.y + unit);
      unit += 1;
    }
  }
}

}  // namespace
}  // namespace rf
