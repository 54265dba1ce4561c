// Convolution 3x3 of stride 2 with few input channels, as networks begin. Packing such an input
// would cost as much as the products: it is read where it lies, even and odd columns are parted in
// registers, and lanes outside of it load as zeros.
namespace rf {
namespace {

#if defined(__AVX512F__)
constexpr int kNarrowVectors = 2;  // with 8 channels 16 accumulators of 32 registers
#else
constexpr int kNarrowVectors = 1;  // 8 of 16
#endif
constexpr int kNarrowChannels = 8;

inline bool is_narrow(const Conv2dGeometry& a) noexcept {
  return a.in_channels <= 4 && a.out_channels % kNarrowChannels == 0 && a.kernel_h == 3 &&
         a.kernel_w == 3 && a.stride == 2 && a.dilation == 1;
}

// Of one group: its input, and some of its output channels.
struct NarrowLayer {
  const float *x, *w, *b, *slope;  // b, slope: may be nullptr
  float* y;
  Index x_plane, y_plane;
};

// Outputs (row, j ..) of kNarrowChannels channels; of the last vector `count` lanes. Inside: no
// column that is loaded lies outside of the input.
template <bool Inside, int Vectors>
void narrow_block(const NarrowLayer& layer, const Conv2dGeometry& a, Index row, Index j,
                  Index count) noexcept {
  constexpr Index kNext = kLanes;
  const Index column = j * 2 - a.pad_w;
  Vec acc[kNarrowChannels][Vectors];
  for (int k = 0; k < kNarrowChannels; ++k) {
    for (int t = 0; t < Vectors; ++t) acc[k][t] = Vec(layer.b ? layer.b[k] : 0.0F);
  }
  if constexpr (Inside) {  // rows are too short for a processor to foresee the next ones
    for (Index c = 0; c < a.in_channels; ++c) {
      const float* next = layer.x + c * layer.x_plane + (row * 2 - a.pad_h + 3) * a.in_w + column;
      for (int i = 0; i < 2 * Vectors; ++i) {
        __builtin_prefetch(next + i * kLanes);
        __builtin_prefetch(next + a.in_w + i * kLanes);
      }
    }
  }
  for (Index c = 0; c < a.in_channels; ++c) {
    for (Index u = 0; u < 3; ++u) {
      const Index in_row = row * 2 - a.pad_h + u;
      if (in_row < 0 || in_row >= a.in_h) continue;
      const float* line = layer.x + c * layer.x_plane + in_row * a.in_w;
      const auto load = [&](Index i) {
        return Inside ? Vec::load_unaligned(line + column + i)
                      : load_padded(line, column + i, a.in_w);
      };
      Vec in[Vectors][3];  // by column of the kernel
      for (int t = 0; t < Vectors; ++t) {
        const Index first = 2 * kNext * t;
        Vec unused;
        unzip(load(first), load(first + kNext), in[t][0], in[t][1]);
        unzip(load(first + 2), load(first + 2 + kNext), in[t][2], unused);
      }
      for (int k = 0; k < kNarrowChannels; ++k) {
        const float* w = layer.w + ((k * a.in_channels + c) * 3 + u) * 3;
        for (int v = 0; v < 3; ++v) {
          for (int t = 0; t < Vectors; ++t) acc[k][t] = xsimd::fma(Vec(w[v]), in[t][v], acc[k][t]);
        }
      }
    }
  }
  for (int k = 0; k < kNarrowChannels; ++k) {
    for (int t = 0; t < Vectors; ++t) {
      const Vec sum = layer.slope ? activated(acc[k][t], layer.slope[k]) : acc[k][t];
      float* to = layer.y + k * layer.y_plane + row * a.out_w + j + t * kLanes;
      if (count == kLanes)
        sum.store_unaligned(to);
      else
        store_partial(to, sum, count);
    }
  }
}

void narrow_row(const NarrowLayer& layer, const Conv2dGeometry& a, Index row, Index begin,
                Index end) noexcept {
  for_columns<kNarrowVectors>(begin, end, [&](auto vectors, Index j, Index count) {
    constexpr int kVectors = decltype(vectors)::value;
    const Index column = j * 2 - a.pad_w;
    if (column >= 0 && column + 2 * kVectors * kLanes + 2 <= a.in_w)
      return narrow_block<true, kVectors>(layer, a, row, j, count);
    for (Index t = 0; t + 1 < kVectors; ++t)
      narrow_block<false, 1>(layer, a, row, j + t * kLanes, kLanes);
    narrow_block<false, 1>(layer, a, row, j + (kVectors - 1) * kLanes, count);
  });
}

void narrow_conv2d(const Conv2dArgs<float>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index group = tile.image * a.groups + tile.group, taps = a.in_channels * 9;
  for (Index row = tile.begin / a.out_w; row * a.out_w < tile.end; ++row) {
    const Index start = row * a.out_w;
    const Index begin = tile.begin > start ? tile.begin - start : 0,
                end = tile.end - start < a.out_w ? tile.end - start : a.out_w;
    for (Index k = 0; k < a.out_channels; k += kNarrowChannels) {
      const Index channel = tile.group * a.out_channels + k;
      narrow_row({.x = args.x + group * a.in_channels * args.x_plane(),
                  .w = args.w + channel * taps,
                  .b = args.b ? args.b + channel : nullptr,
                  .slope = args.slope ? args.slope + channel : nullptr,
                  .y = args.y + (group * a.out_channels + k) * args.y_plane(),
                  .x_plane = args.x_plane(),
                  .y_plane = args.y_plane()},
                 a, row, begin, end);
    }
  }
}

}  // namespace
}  // namespace rf
