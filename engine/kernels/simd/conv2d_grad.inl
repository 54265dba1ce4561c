// Gradient of a convolution's weights: a dot product over pixels for each pair of an output channel
// and a tap. Input rows are packed as for the forward pass (conv2d.inl) and dL/dy is laid on the
// same strip positions, zero in the gaps between rows, so that a whole band of rows is one line.
namespace rf {
namespace {

#if defined(__AVX512F__)
constexpr int kGradChannels = 4, kGradTaps = 6;  // 24 accumulators of 32 registers
constexpr int kGradTapsAlone = 9;                // with one channel, twice: 18
#else
constexpr int kGradChannels = 4, kGradTaps = 2;  // 8 of 16
constexpr int kGradTapsAlone = 3;                // 6
#endif

// Floats of one channel of dL/dy laid on the strip of a band.
inline Index grad_line(const Conv2dGeometry& a, const ConvStrip& strip, Index rows) noexcept {
  return (rows - 1) * strip.width + a.out_w;
}

std::size_t conv2d_grad_weight_scratch_bytes(const Conv2dGeometry& a, Index rows) noexcept {
  if (is_pointwise(a)) return static_cast<std::size_t>(a.in_channels) * sizeof(Index);
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
  }
}

// Lines of pixels: of dL/dy for each output channel, and of the input for each tap.
struct GradLines {
  const float* gy;  // channel k's line starts at gy + k * pitch
  Index pitch;
  const float* x;  // tap t's line starts at x + offset[t]
  const Index* offset;
  Index length;
};

// gw[k * taps + t] += sum_q gy[k * pitch + q] x[offset[t] + q], for Channels channels and Taps
// taps.
template <int Channels, int Taps>
void grad_block(const GradLines& lines, float* gw, Index taps) noexcept {
  Vec acc[Channels][Taps];
  for (int k = 0; k < Channels; ++k) {
    for (int t = 0; t < Taps; ++t) acc[k][t] = Vec(0.0F);
  }
  const auto step = [&](auto load) {
    Vec g[Channels];
    for (int k = 0; k < Channels; ++k) g[k] = load(lines.gy + k * lines.pitch);
    for (int t = 0; t < Taps; ++t) {
      const Vec x = load(lines.x + lines.offset[t]);
      for (int k = 0; k < Channels; ++k) acc[k][t] = xsimd::fma(g[k], x, acc[k][t]);
    }
  };
  Index q = 0;
  for (; q + kLanes <= lines.length; q += kLanes) {
    step([q](const float* line) { return Vec::load_unaligned(line + q); });
  }
  const Index rest = lines.length - q;
  if (rest > 0) step([q, rest](const float* line) { return load_partial(line + q, rest); });
  constexpr Index kCount = Channels * Taps, kWhole = (kCount + kLanes - 1) / kLanes * kLanes;
  Vec padded[kWhole];
  for (Index i = 0; i < kWhole; ++i) padded[i] = i < kCount ? acc[i / Taps][i % Taps] : Vec(0.0F);
  float sums[kWhole];
  for (Index i = 0; i < kWhole; i += kLanes) sum_each(padded + i, sums + i);
  for (int k = 0; k < Channels; ++k) {
    for (int t = 0; t < Taps; ++t) gw[k * taps + t] += sums[k * Taps + t];
  }
}

// The same for one channel, two vectors at a time: a multiply-add need not wait for the one before.
template <int Taps>
void grad_alone(const GradLines& lines, float* gw) noexcept {
  Vec acc[2][Taps];
  for (int t = 0; t < Taps; ++t) acc[0][t] = acc[1][t] = Vec(0.0F);
  Index q = 0;
  for (; q + 2 * kLanes <= lines.length; q += 2 * kLanes) {
    const Vec g[2] = {Vec::load_unaligned(lines.gy + q),
                      Vec::load_unaligned(lines.gy + q + kLanes)};
    for (int t = 0; t < Taps; ++t) {
      const float* x = lines.x + lines.offset[t] + q;
      acc[0][t] = xsimd::fma(g[0], Vec::load_unaligned(x), acc[0][t]);
      acc[1][t] = xsimd::fma(g[1], Vec::load_unaligned(x + kLanes), acc[1][t]);
    }
  }
  for (; q < lines.length; q += kLanes) {
    const Index count = lines.length - q < kLanes ? lines.length - q : kLanes;
    const Vec g = load_partial(lines.gy + q, count);
    for (int t = 0; t < Taps; ++t) {
      const Vec x = load_partial(lines.x + lines.offset[t] + q, count);
      acc[0][t] = xsimd::fma(g, x, acc[0][t]);
    }
  }
  for (int t = 0; t < Taps; ++t) gw[t] += sum_lanes(acc[0][t] + acc[1][t]);
}

template <int Channels>
void grad_channels(GradLines lines, float* gw, Index taps) noexcept {
  const Index* offset = lines.offset;
  for (Index t = 0; t < taps;) {
    lines.offset = offset + t;
    const auto block = [&](auto count) -> Index {
      constexpr int kCount = decltype(count)::value;
      if constexpr (Channels == 1) {
        grad_alone<kCount>(lines, gw + t);
      } else {
        grad_block<Channels, kCount>(lines, gw + t, taps);
      }
      return kCount;
    };
    const Index left = taps - t;
    if (Channels == 1 && left >= kGradTapsAlone) {
      t += block(Count<kGradTapsAlone>{});
    } else if (kGradTaps == 6 && (left == 6 || left >= 9)) {
      t += block(Count<kGradTaps>{});
    } else if (kGradTaps == 6 && left >= 4) {  // 7 = 4 + 3, 8 = 4 + 4
      t += block(Count<4>{});
    } else if (kGradTaps == 6 && left == 3) {
      t += block(Count<3>{});
    } else if (left >= 2) {
      t += block(Count<2>{});
    } else {
      t += block(Count<1>{});
    }
  }
}

// All output channels.
void grad_all(GradLines lines, Index channels, float* gw, Index taps) noexcept {
  Index k = 0;
  const auto block = [&](auto count) {
    grad_channels<decltype(count)::value>(lines, gw + k * taps, taps);
    lines.gy += decltype(count)::value * lines.pitch;
    k += decltype(count)::value;
  };
  while (k + kGradChannels <= channels) block(Count<kGradChannels>{});
  while (k < channels) block(Count<1>{});
}

void conv2d_grad_weight(const Conv2dGradWeightArgs<float>& args, const Conv2dRows& band,
                        float* gw) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index rows = band.end - band.begin;
  const Index group = band.image * a.groups + band.group;
  const float* x = args.x + group * a.in_channels * a.in_h * a.in_w;
  const float* from = args.gy + (group * a.out_channels * a.out_h + band.begin) * a.out_w;
  if (is_pointwise(a)) {
    // Pixels lie as they are needed: nothing is packed.
    const Index plane = a.in_h * a.in_w;
    auto* channel = reinterpret_cast<Index*>(band.scratch);
    for (Index c = 0; c < a.in_channels; ++c) channel[c] = c * plane;
    grad_all({.gy = from,
              .pitch = plane,
              .x = x + band.begin * a.in_w,
              .offset = channel,
              .length = rows * a.out_w},
             a.out_channels, gw, a.in_channels);
    return;
  }
  const ConvStrip shape(a, rows);
  const Index line = grad_line(a, shape, rows);
  auto* offset = reinterpret_cast<Index*>(band.scratch);
  auto* strip = reinterpret_cast<float*>(
      band.scratch + round_up_64(shape.taps * static_cast<Index>(sizeof(Index))));
  float* gy = strip + round_up_64(shape.floats(a) * static_cast<Index>(sizeof(float))) /
                          static_cast<Index>(sizeof(float));
  tap_offsets(a, shape, offset);
  pack_strip(a, shape, x, a.in_h * a.in_w, band.begin, strip);
  pack_grad(a, from, rows, shape.width, line, gy);
  grad_all({.gy = gy, .pitch = line, .x = strip, .offset = offset, .length = line}, a.out_channels,
           gw, shape.taps);
}

}  // namespace
}  // namespace rf
