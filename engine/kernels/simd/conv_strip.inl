// The input of a convolution, laid out for the kernels: the rows that one call needs, padded with
// zeros and split by stride phase, so that one kernel tap is one constant offset for all output
// pixels:
//   strip[c][row % s][column % s][row / s][column / s],   row, column counted from the padded
//   corner.
namespace rf {
namespace {

// The kernels read whole vectors, at most this far past the end of the strip.
constexpr Index kStripSlack = 3 * kLanes;

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
    return a.in_channels * channel + kStripSlack;
  }
};

// Every output pixel reads the input pixel at its own place and no other.
inline bool is_pointwise(const Conv2dGeometry& a) noexcept {
  return a.kernel_h == 1 && a.kernel_w == 1 && a.stride == 1 && a.pad_h == 0 && a.pad_w == 0 &&
         a.in_h == a.out_h && a.in_w == a.out_w;
}

constexpr Index round_up_64(Index bytes) { return (bytes + 63) / 64 * 64; }

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
  } else {
    for (Index t = low; t < high; ++t) to[t] = from[t * stride + start];
  }
  for (Index t = high; t < width; ++t) to[t] = 0;
}

// The lanes of a vector at column `first` of a row of `width` that are in the row.
inline LaneMask lanes_inside(Index first, Index width) noexcept {
  const Index low = first < 0 ? (-first < kLanes ? -first : kLanes) : 0;
  const Index high = width - first < kLanes ? width - first : kLanes;
  return lanes_between(low, high < low ? low : high);
}

// The vector at column `first` of a row of `width`, zero outside.
inline Vec load_padded(const float* row, Index first, Index width) noexcept {
  if (first >= 0 && first + kLanes <= width) return Vec::load_unaligned(row + first);
  return load_lanes(row + first, lanes_inside(first, width));
}

// One row of the input to all phases of a strip row at once: to[phase * pitch + t] = from[t *
// Stride + phase - pad], zero outside [0, in_w). What lies `ahead` floats on is fetched meanwhile.
template <int Stride>
void pack_phases(float* to, Index pitch, Index width, const float* from, Index pad, Index in_w,
                 Index ahead) noexcept {
  for (Index t = 0; t < width; t += kLanes) {
    for (int i = 0; i < Stride; ++i) __builtin_prefetch(from + ahead + t * Stride + i * kLanes);
    Vec x[Stride], v[Stride];
    for (int i = 0; i < Stride; ++i) x[i] = load_padded(from, t * Stride - pad + i * kLanes, in_w);
    split_phases(x, v);
    for (int phase = 0; phase < Stride; ++phase) {
      float* line = to + phase * pitch + t;
      if (width - t >= kLanes)
        v[phase].store_unaligned(line);
      else
        store_partial(line, v[phase], width - t);
    }
  }
}

// Of `x`, whose channels are `plane` floats apart.
void pack_strip(const Conv2dGeometry& a, const ConvStrip& strip, const float* x, Index plane,
                Index first_row, float* to) noexcept {
  const Index pitch = strip.rows * strip.width;  // from one phase plane to the next
  for (Index c = 0; c < a.in_channels; ++c) {
    for (Index ph = 0; ph < strip.phases_h; ++ph, to += strip.phases_w * pitch) {
      for (Index r = 0; r < strip.rows; ++r) {
        const Index row = (first_row + r) * a.stride + ph - a.pad_h;
        const bool inside = row >= 0 && row < a.in_h;
        const float* from = inside ? x + c * plane + row * a.in_w : x;
        const Index in_w = inside ? a.in_w : 0;
        float* line = to + r * strip.width;
        if (a.stride == 2 && strip.phases_w == 2) {
          pack_phases<2>(line, pitch, strip.width, from, a.pad_w, in_w, plane);
        } else if (a.stride == 4 && strip.phases_w == 4) {
          pack_phases<4>(line, pitch, strip.width, from, a.pad_w, in_w, plane);
        } else {
          for (Index pw = 0; pw < strip.phases_w; ++pw) {
            pack_line(line + pw * pitch, strip.width, from, pw - a.pad_w, a.stride, in_w);
          }
        }
      }
    }
  }
  for (Index t = 0; t < kStripSlack; ++t) to[t] = 0;
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

}  // namespace
}  // namespace rf
