// Convolution 3x3 of stride 2 with few input channels, as networks begin: of a tensor, or of an
// 8-bit picture whose values nobody else needs. Row by row: three rows of the input are held with
// even and odd columns apart and zeros at either side, so that all products are of whole vectors.
namespace rf {
namespace {

#if defined(__AVX512F__)
constexpr int kNarrowVectors = 2;  // with 8 channels 16 accumulators of 32 registers
#else
constexpr int kNarrowVectors = 1;  // 8 of 16
#endif
constexpr int kNarrowChannels = 8;
constexpr Index kNarrowInputs = 4;

inline bool is_narrow(const Conv2dGeometry& a) noexcept {
  return a.in_channels <= kNarrowInputs && a.out_channels % kNarrowChannels == 0 &&
         a.kernel_h == 3 && a.kernel_w == 3 && a.stride == 2 && a.dilation == 1;
}

// The rows that are held: row r in slot r % 3.
class NarrowRows {
 public:
  static std::size_t bytes(const Conv2dGeometry& a) noexcept {
    return static_cast<std::size_t>(3 * slot_floats(a) + 3 * values_pitch(a)) * sizeof(float);
  }
  NarrowRows(const Conv2dArgs<float>& args, Index group, std::byte* memory) noexcept
      : args_(args),
        x_(args.picture ? nullptr : args.x + group * args.geometry.in_channels * args.x_plane()),
        lines_(reinterpret_cast<float*>(memory)),
        values_(lines_ + 3 * slot_floats(args.geometry)) {}

  // Even or odd columns (counted from the padded corner) of a channel of a row that is held.
  [[nodiscard]] const float* line(Index row, Index channel, Index odd) const noexcept {
    return lines_ + row % 3 * slot_floats(args_.geometry) +
           (2 * channel + odd) * pitch(args_.geometry);
  }
  // Holds `row`, if it is not held already and is a row of the input.
  void hold(Index row) noexcept;

 private:
  // Kernels read to the end of the last block, and a column more.
  static Index pitch(const Conv2dGeometry& a) noexcept {
    return round_up_64((a.out_w + (kNarrowVectors + 1) * kLanes) * 4) / 4;
  }
  static Index slot_floats(const Conv2dGeometry& a) noexcept {
    return 2 * a.in_channels * pitch(a);
  }
  static Index values_pitch(const Conv2dGeometry& a) noexcept {
    return round_up_64(a.in_w * 4) / 4;
  }
  void read_picture(const PictureInput& picture, Index row) noexcept;

  const Conv2dArgs<float>& args_;
  const float* x_;
  float *lines_, *values_;
  Index held_[3] = {-1, -1, -1};
};

// A row of the picture as values, channel by channel.
void NarrowRows::read_picture(const PictureInput& picture, Index row) noexcept {
  const Index pitch = values_pitch(args_.geometry);
  const std::uint8_t* __restrict from = picture.rgb + row * picture.row_bytes;
  float* __restrict red = nullptr;
  float* __restrict green = nullptr;
  float* __restrict blue = nullptr;
  float mean[3], scale[3];
  for (Index c = 0; c < 3; ++c) {
    const int sample = picture.sample[c];
    (sample == 0 ? red : sample == 1 ? green : blue) = values_ + c * pitch;
    mean[sample] = picture.mean[c];
    scale[sample] = picture.scale[c];
  }
  for (Index j = 0; j < picture.width; ++j) {  // GCC makes vectors of it
    red[j] = (static_cast<float>(from[3 * j]) - mean[0]) * scale[0];
    green[j] = (static_cast<float>(from[3 * j + 1]) - mean[1]) * scale[1];
    blue[j] = (static_cast<float>(from[3 * j + 2]) - mean[2]) * scale[2];
  }
}

void NarrowRows::hold(Index row) noexcept {
  const Conv2dGeometry& a = args_.geometry;
  if (row < 0 || row >= a.in_h || held_[row % 3] == row) return;
  held_[row % 3] = row;
  const float* from = values_;
  Index plane = values_pitch(a), width = 0, ahead = 0;
  if (!args_.picture) {
    from = x_ + row * a.in_w;
    plane = args_.x_plane();
    width = a.in_w;
    ahead = 2 * a.in_w;
  } else if (row < args_.picture->height) {
    read_picture(*args_.picture, row);
    width = args_.picture->width;
  }
  for (Index c = 0; c < a.in_channels; ++c) {
    float* to = lines_ + row % 3 * slot_floats(a) + 2 * c * pitch(a);
    pack_phases<2>(to, pitch(a), a.out_w + 1, from + c * plane, a.pad_w, width, ahead);
  }
}

// Where the values of one output row come from: [channel * 3 + tap row], nullptr where that row is
// outside of the input; even columns, the odd ones `odd` floats on.
struct NarrowInputs {
  const float* even[kNarrowInputs * 3];
  Index odd, taps;
};

struct NarrowWeights {
  const float *w, *b, *slope;  // of kNarrowChannels channels; b, slope: may be nullptr
};

// Outputs j .. of one row of kNarrowChannels channels; of the last vector `count` lanes.
template <int Vectors>
void narrow_block(const NarrowWeights& layer, const NarrowInputs& in, Index j, Index count,
                  float* y, Index y_plane) noexcept {
  Vec acc[kNarrowChannels][Vectors];
  for (int k = 0; k < kNarrowChannels; ++k) {
    for (int t = 0; t < Vectors; ++t) acc[k][t] = Vec(layer.b ? layer.b[k] : 0.0F);
  }
  for (Index i = 0; i < in.taps; ++i) {
    if (!in.even[i]) continue;
    const float *even = in.even[i] + j, *odd = even + in.odd;
    for (int v = 0; v < 3; ++v) {
      const float* from = v == 1 ? odd : even + v / 2;
      Vec x[Vectors];
      for (int t = 0; t < Vectors; ++t) x[t] = Vec::load_unaligned(from + t * kLanes);
      for (int k = 0; k < kNarrowChannels; ++k) {
        const Vec weight(layer.w[(k * in.taps + i) * 3 + v]);
        for (int t = 0; t < Vectors; ++t) acc[k][t] = xsimd::fma(weight, x[t], acc[k][t]);
      }
    }
  }
  for (int k = 0; k < kNarrowChannels; ++k) {
    for (int t = 0; t < Vectors; ++t) {
      const Vec sum = layer.slope ? activated(acc[k][t], layer.slope[k]) : acc[k][t];
      float* to = y + k * y_plane + j + t * kLanes;
      if (count == kLanes)
        sum.store_unaligned(to);
      else
        store_partial(to, sum, count);
    }
  }
}

std::size_t narrow_scratch_bytes(const Conv2dGeometry& a) noexcept { return NarrowRows::bytes(a); }

void narrow_conv2d(const Conv2dArgs<float>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index group = tile.image * a.groups + tile.group, taps = a.in_channels * 3;
  NarrowRows rows(args, group, tile.scratch);
  float* y = args.y + group * a.out_channels * args.y_plane();
  for (Index row = tile.begin / a.out_w; row * a.out_w < tile.end; ++row) {
    const Index start = row * a.out_w;
    const Index begin = tile.begin > start ? tile.begin - start : 0,
                end = tile.end - start < a.out_w ? tile.end - start : a.out_w;
    NarrowInputs in{.even = {}, .odd = rows.line(0, 0, 1) - rows.line(0, 0, 0), .taps = taps};
    for (Index u = 0; u < 3; ++u) {
      const Index in_row = row * 2 - a.pad_h + u;
      rows.hold(in_row);
      if (in_row < 0 || in_row >= a.in_h) continue;
      for (Index c = 0; c < a.in_channels; ++c) in.even[c * 3 + u] = rows.line(in_row, c, 0);
    }
    for (Index k = 0; k < a.out_channels; k += kNarrowChannels) {
      const Index channel = tile.group * a.out_channels + k;
      const NarrowWeights layer{.w = args.w + channel * taps * 3,
                                .b = args.b ? args.b + channel : nullptr,
                                .slope = args.slope ? args.slope + channel : nullptr};
      for_columns<kNarrowVectors>(begin, end, [&](auto vectors, Index j, Index count) {
        narrow_block<decltype(vectors)::value>(layer, in, j, count, y + k * args.y_plane() + start,
                                               args.y_plane());
      });
    }
  }
}

}  // namespace
}  // namespace rf
