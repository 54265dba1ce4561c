// Direct convolution of any kernel size, stride, padding, dilation and group count.
//
// A call covers some rows of one image and one group. Their input is copied into scratch, padded
// with zeros and split by stride phase, so that one kernel tap is one constant offset for all
// output pixels:
//   strip[c][row % s][column % s][row / s][column / s],   row, column counted from the padded
//   corner.
// Output pixels are then walked as one line of strip positions q = i * strip_w + j, kVectors
// vectors at a time with a block of output channels in registers; positions with j >= out_w are
// computed and not stored.
namespace rf {
namespace {

#if defined(__AVX512F__)
constexpr int kConvChannels = 8, kConvVectors = 3;  // 24 accumulators of 32 registers
#elif defined(__AVX2__)
constexpr int kConvChannels = 4, kConvVectors = 3;  // 12 of 16
#else
constexpr int kConvChannels = 4,
              kConvVectors = 2;  // 8 of 16: without FMA each product needs a register
#endif
constexpr Index kConvTile = kConvVectors * kLanes;

// Sizes of the strip of one call.
struct ConvStrip {
  Index phases_h, phases_w;  // stride phases that some tap reads
  Index rows, width;         // of one phase plane
  Index channel;             // floats from one input channel to the next
  Index taps;                // in_channels * kernel_h * kernel_w

  ConvStrip(const Conv2dGeometry& a, Index out_rows) noexcept {
    const Index reach_h = (a.kernel_h - 1) * a.dilation, reach_w = (a.kernel_w - 1) * a.dilation;
    phases_h = reach_h + 1 < a.stride ? reach_h + 1 : a.stride;
    phases_w = reach_w + 1 < a.stride ? reach_w + 1 : a.stride;
    rows = out_rows + reach_h / a.stride;
    width = a.out_w + reach_w / a.stride;
    channel = phases_h * phases_w * rows * width;
    taps = a.in_channels * a.kernel_h * a.kernel_w;
  }
  [[nodiscard]] Index floats(const Conv2dGeometry& a) const noexcept {
    return a.in_channels * channel + kConvTile;  // the last tile may read one tile past the end
  }
};

constexpr Index round_up_64(Index bytes) { return (bytes + 63) / 64 * 64; }

std::size_t conv2d_scratch_bytes(const Conv2dGeometry& a, Index pixels) noexcept {
  const Index rows =
      (pixels - 1) / a.out_w + 2;  // a range that starts inside a row touches one row more
  const ConvStrip strip(a, rows < a.out_h ? rows : a.out_h);
  return static_cast<std::size_t>(round_up_64(strip.taps * static_cast<Index>(sizeof(Index))) +
                                  round_up_64(strip.floats(a) * static_cast<Index>(sizeof(float))));
}

// One line of a phase plane: to[t] = from[t * stride + start], zero where that is outside [0,
// in_w).
inline void pack_line(float* to, Index width, const float* from, Index start, Index stride,
                      Index in_w) noexcept {
  Index low = start >= 0 ? 0 : (-start + stride - 1) / stride;
  Index high = start < in_w ? (in_w - 1 - start) / stride + 1 : 0;
  if (low > width) low = width;
  if (high > width) high = width;
  if (high < low) high = low;
  for (Index t = 0; t < low; ++t) to[t] = 0;
  if (stride == 1) {
    __builtin_memcpy(to + low, from + start + low,
                     static_cast<std::size_t>(high - low) * sizeof(float));
  } else if (stride == 2) {
    for (Index t = low; t < high; ++t) to[t] = from[t * 2 + start];
  } else {
    for (Index t = low; t < high; ++t) to[t] = from[t * stride + start];
  }
  for (Index t = high; t < width; ++t) to[t] = 0;
}

void pack_strip(const Conv2dGeometry& a, const ConvStrip& strip, const float* x, Index first_row,
                float* to) noexcept {
  for (Index c = 0; c < a.in_channels; ++c) {
    for (Index ph = 0; ph < strip.phases_h; ++ph) {
      for (Index pw = 0; pw < strip.phases_w; ++pw) {
        for (Index r = 0; r < strip.rows; ++r, to += strip.width) {
          const Index row = (first_row + r) * a.stride + ph - a.pad_h;
          const bool inside = row >= 0 && row < a.in_h;
          const float* from = inside ? x + (c * a.in_h + row) * a.in_w : x;
          pack_line(to, strip.width, from, pw - a.pad_w, a.stride, inside ? a.in_w : 0);
        }
      }
    }
  }
  for (Index t = 0; t < kConvTile; ++t) to[t] = 0;
}

void tap_offsets(const Conv2dGeometry& a, const ConvStrip& strip, Index* offset) noexcept {
  for (Index c = 0; c < a.in_channels; ++c) {
    for (Index u = 0; u < a.kernel_h; ++u) {
      for (Index v = 0; v < a.kernel_w; ++v) {
        const Index h = u * a.dilation, w = v * a.dilation;
        const Index phase = h % a.stride * strip.phases_w + w % a.stride;
        *offset++ =
            c * strip.channel + (phase * strip.rows + h / a.stride) * strip.width + w / a.stride;
      }
    }
  }
}

// Where the values of one tile go: `to` + k * plane for output channel k.
struct ConvTarget {
  float* to;
  Index plane;
  Index count;  // positions of the tile that exist
};

// Channels x (Vectors * kLanes) outputs: acc = b + sum_r w[r] strip[offset[r] + q].
template <int Channels, int Vectors>
void conv_block(const float* strip, const Index* offset, Index taps, const float* w, const float* b,
                const ConvTarget& target) noexcept {
  Vec acc[Channels][Vectors];
  for (int k = 0; k < Channels; ++k) {
    for (int v = 0; v < Vectors; ++v) acc[k][v] = Vec(b ? b[k] : 0.0F);
  }
  for (Index r = 0; r < taps; ++r) {
    const float* p = strip + offset[r];
    Vec x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = Vec::load_unaligned(p + v * kLanes);
    for (int k = 0; k < Channels; ++k) {
      const Vec weight(w[k * taps + r]);
      for (int v = 0; v < Vectors; ++v) acc[k][v] = xsimd::fma(weight, x[v], acc[k][v]);
    }
  }
  for (int k = 0; k < Channels; ++k) {
    for (int v = 0; v < Vectors; ++v) {
      const Index rest = target.count - v * kLanes;
      if (rest >= kLanes)
        acc[k][v].store_unaligned(target.to + k * target.plane + v * kLanes);
      else if (rest > 0)
        store_partial(target.to + k * target.plane + v * kLanes, acc[k][v], rest);
    }
  }
}

template <int Channels>
void conv_block(const float* strip, const Index* offset, Index taps, const float* w, const float* b,
                const ConvTarget& target) noexcept {
  if (target.count > 2 * kLanes)
    conv_block<Channels, kConvVectors>(strip, offset, taps, w, b, target);
  else if (target.count > kLanes)
    conv_block<Channels, 2>(strip, offset, taps, w, b, target);
  else
    conv_block<Channels, 1>(strip, offset, taps, w, b, target);
}

// The values of strip positions q .. q + count - 1, [channels][kConvTile], to their places in y:
// those past the end of a row are dropped.
void store_rows(const float* tile, Index channels, Index q, Index count, const Conv2dGeometry& a,
                Index width, float* y) noexcept {
  const Index out_plane = a.out_h * a.out_w;
  for (Index t = 0; t < count;) {
    const Index row = (q + t) / width, j = (q + t) % width;
    const Index length = width - j < count - t ? width - j : count - t;
    const Index kept =
        a.out_w - j < length ? a.out_w - j : length;  // negative in the gap between two rows
    for (Index k = 0; k < channels; ++k) {
      float* to = y + k * out_plane + row * a.out_w + j;
      const float* from = tile + k * kConvTile + t;
      for (Index e = 0; e < kept; ++e) to[e] = from[e];
    }
    t += length;
  }
}

void conv2d(const Conv2dArgs<float>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index out_plane = a.out_h * a.out_w;
  const Index first_row = tile.begin / a.out_w, last_row = (tile.end - 1) / a.out_w;
  const ConvStrip shape(a, last_row - first_row + 1);
  auto* offset = reinterpret_cast<Index*>(tile.scratch);
  auto* strip = reinterpret_cast<float*>(
      tile.scratch + round_up_64(shape.taps * static_cast<Index>(sizeof(Index))));
  const Index group = tile.image * a.groups + tile.group;
  tap_offsets(a, shape, offset);
  pack_strip(a, shape, args.x + group * a.in_channels * a.in_h * a.in_w, first_row, strip);

  const float* w = args.w + tile.group * a.out_channels * shape.taps;
  const float* b = args.b ? args.b + tile.group * a.out_channels : nullptr;
  float* y = args.y + group * a.out_channels * out_plane + first_row * a.out_w;
  const bool gapless = shape.width == a.out_w;  // then a strip position is an output pixel
  const Index q_end = (last_row - first_row) * shape.width + (tile.end - 1) % a.out_w + 1;
  alignas(64) float buffer[kConvChannels * kConvTile];
  for (Index q = tile.begin % a.out_w; q < q_end; q += kConvTile) {
    const Index count = q_end - q < kConvTile ? q_end - q : kConvTile;
    for (Index k = 0; k < a.out_channels;) {
      const ConvTarget target = gapless ? ConvTarget{y + k * out_plane + q, out_plane, count}
                                        : ConvTarget{buffer, kConvTile, count};
      const float *weights = w + k * shape.taps, *bias = b ? b + k : nullptr;
      const auto block = [&](auto channels) {
        conv_block<decltype(channels)::value>(strip + q, offset, shape.taps, weights, bias, target);
        return static_cast<Index>(decltype(channels)::value);
      };
      const Index left = a.out_channels - k;
      const Index channels = left >= kConvChannels ? block(Count<kConvChannels>{})
                             : left >= 4           ? block(Count<4>{})
                             : left >= 2           ? block(Count<2>{})
                                                   : block(Count<1>{});
      if (!gapless) store_rows(buffer, channels, q, count, a, shape.width, y + k * out_plane);
      k += channels;
    }
  }
}

}  // namespace
}  // namespace rf
