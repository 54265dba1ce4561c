// Gradient of a convolution's weights: a dot product over pixels for each pair of an output channel
// and a tap. Input rows are packed as for the forward pass (conv2d.inl) and dL/dy is laid on the
// same strip positions, zero in the gaps between rows, so that a whole band of rows is one line.
namespace rf {
namespace {

#if defined(__AVX512F__)
constexpr int kGradChannels = 4, kGradTaps = 6;  // 24 accumulators of 32 registers
#else
constexpr int kGradChannels = 4, kGradTaps = 2;  // 8 of 16
#endif

constexpr Index round_up_lanes(Index count) { return (count + kLanes - 1) / kLanes * kLanes; }

// Floats of one channel of dL/dy laid on the strip of a band.
inline Index grad_line(const Conv2dGeometry& a, const ConvStrip& strip, Index rows) noexcept {
  return round_up_lanes((rows - 1) * strip.width + a.out_w);
}

std::size_t conv2d_grad_weight_scratch_bytes(const Conv2dGeometry& a, Index rows) noexcept {
  const ConvStrip strip(a, rows);
  return static_cast<std::size_t>(round_up_64(strip.taps * static_cast<Index>(sizeof(Index))) +
                                  round_up_64(strip.floats(a) * static_cast<Index>(sizeof(float))) +
                                  a.out_channels * grad_line(a, strip, rows) *
                                      static_cast<Index>(sizeof(float)));
}

void pack_grad(const Conv2dGeometry& a, const float* gy, Index rows, Index width, Index line,
               float* to) noexcept {
  for (Index k = 0; k < a.out_channels; ++k, to += line) {
    const float* from = gy + k * a.out_h * a.out_w;
    Index q = 0;
    for (Index row = 0; row < rows; ++row) {
      for (; q < row * width; ++q) to[q] = 0;
      __builtin_memcpy(to + q, from + row * a.out_w,
                       static_cast<std::size_t>(a.out_w) * sizeof(float));
      q += a.out_w;
    }
    for (; q < line; ++q) to[q] = 0;
  }
}

// gw[k * taps + t] += sum_q gy[k * line + q] strip[offset[t] + q].
template <int Channels, int Taps>
void grad_block(const float* gy, Index line, const float* strip, const Index* offset, float* gw,
                Index taps) noexcept {
  Vec acc[Channels][Taps];
  for (int k = 0; k < Channels; ++k) {
    for (int t = 0; t < Taps; ++t) acc[k][t] = Vec(0.0F);
  }
  for (Index q = 0; q < line; q += kLanes) {
    Vec g[Channels];
    for (int k = 0; k < Channels; ++k) g[k] = Vec::load_aligned(gy + k * line + q);
    for (int t = 0; t < Taps; ++t) {
      const Vec x = Vec::load_unaligned(strip + offset[t] + q);
      for (int k = 0; k < Channels; ++k) acc[k][t] = xsimd::fma(g[k], x, acc[k][t]);
    }
  }
  constexpr Index kCount = Channels * Taps, kWhole = (kCount + kLanes - 1) / kLanes * kLanes;
  Vec padded[kWhole];
  for (Index i = 0; i < kWhole; ++i) padded[i] = i < kCount ? acc[i / Taps][i % Taps] : Vec(0.0F);
  float sums[kWhole];
  for (Index i = 0; i < kWhole; i += kLanes) sum_each(padded + i, sums + i);
  for (int k = 0; k < Channels; ++k) {
    for (int t = 0; t < Taps; ++t) gw[k * taps + t] += sums[k * Taps + t];
  }
}

template <int Channels>
void grad_channels(const float* gy, Index line, const float* strip, const Index* offset, float* gw,
                   Index taps) noexcept {
  Index t = 0;
  for (; t + kGradTaps <= taps; t += kGradTaps) {
    grad_block<Channels, kGradTaps>(gy, line, strip, offset + t, gw + t, taps);
  }
  if constexpr (kGradTaps > 3) {
    for (; t + 3 <= taps; t += 3) {
      grad_block<Channels, 3>(gy, line, strip, offset + t, gw + t, taps);
    }
  }
  for (; t < taps; ++t) grad_block<Channels, 1>(gy, line, strip, offset + t, gw + t, taps);
}

void conv2d_grad_weight(const Conv2dGradWeightArgs<float>& args, const Conv2dRows& band,
                        float* gw) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index rows = band.end - band.begin;
  const ConvStrip shape(a, rows);
  const Index line = grad_line(a, shape, rows), group = band.image * a.groups + band.group;
  auto* offset = reinterpret_cast<Index*>(band.scratch);
  auto* strip = reinterpret_cast<float*>(
      band.scratch + round_up_64(shape.taps * static_cast<Index>(sizeof(Index))));
  float* gy = strip + round_up_64(shape.floats(a) * static_cast<Index>(sizeof(float))) /
                          static_cast<Index>(sizeof(float));
  tap_offsets(a, shape, offset);
  pack_strip(a, shape, args.x + group * a.in_channels * a.in_h * a.in_w, band.begin, strip);
  pack_grad(a, args.gy + (group * a.out_channels * a.out_h + band.begin) * a.out_w, rows,
            shape.width, line, gy);
  Index k = 0;
  for (; k + kGradChannels <= a.out_channels; k += kGradChannels) {
    grad_channels<kGradChannels>(gy + k * line, line, strip, offset, gw + k * shape.taps,
                                 shape.taps);
  }
  for (; k < a.out_channels; ++k) {
    grad_channels<1>(gy + k * line, line, strip, offset, gw + k * shape.taps, shape.taps);
  }
}

}  // namespace
}  // namespace rf
