// Winograd's convolution F(4x4, 3x3) (Lavin and Gray 2016): 16 outputs of a 3x3 filter from a tile
// of 6x6 inputs with 36 products instead of 144,
//   y = A^T ((G w G^T) . (B^T d B)) A,
// "." element by element. Summed over channels, each of the 36 places is a matrix product of its
// own, [out_channels, in_channels] x [in_channels, tiles], for which conv_block serves.
//
// Tiles are numbered row by row and taken kConvTile at a time. Input (i, j) of neighbouring tiles
// is brought into neighbouring places first, a vector's worth at once, channel by channel.
namespace rf {
namespace {

constexpr Index kPlaces = 36;
// From one place's values to the next's, a cache line more than they need: what is written to all
// places at once would otherwise compete for the same few lines of a cache.
constexpr Index place_pitch(Index floats) { return floats + 16; }
// From one output channel's products to the next's.
constexpr Index kProductsPitch = place_pitch(kPlaces * kConvTile);

// From one of a tile's 36 inputs to the next in the scratch of one channel: groups of kLanes tiles
// may end past the last.
constexpr Index kInputPitch = kConvTile + kLanes;

// B^T d along one axis.
inline void winograd_input(const Vec (&d)[6], Vec (&t)[6]) noexcept {
  const Vec two(2.0F), four(4.0F), five(5.0F);
  const Vec a = xsimd::fnma(four, d[2], d[4]), b = xsimd::fnma(four, d[1], d[3]);
  const Vec c = d[4] - d[2], e = two * (d[3] - d[1]);
  t[0] = xsimd::fma(four, d[0], xsimd::fnma(five, d[2], d[4]));
  t[1] = a + b;
  t[2] = a - b;
  t[3] = c + e;
  t[4] = c - e;
  t[5] = xsimd::fma(four, d[1], xsimd::fnma(five, d[3], d[5]));
}

// G w along one axis.
inline void winograd_filter(const Vec (&g)[3], Vec (&t)[6]) noexcept {
  const Vec sum = g[0] + g[2];
  const Vec near = xsimd::fma(Vec(4.0F), g[2], g[0]);
  t[0] = Vec(1.0F / 4) * g[0];
  t[1] = Vec(-1.0F / 6) * (sum + g[1]);
  t[2] = Vec(-1.0F / 6) * (sum - g[1]);
  t[3] = Vec(1.0F / 24) * xsimd::fma(Vec(2.0F), g[1], near);
  t[4] = Vec(1.0F / 24) * xsimd::fnma(Vec(2.0F), g[1], near);
  t[5] = g[2];
}

// A^T m along one axis.
inline void winograd_output(const Vec (&m)[6], Vec (&y)[4]) noexcept {
  const Vec two(2.0F), four(4.0F), eight(8.0F);
  const Vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  y[0] = m[0] + a + c;
  y[1] = xsimd::fma(two, d, b);
  y[2] = xsimd::fma(four, c, a);
  y[3] = xsimd::fma(eight, d, b) + m[5];
}

// u[place][k / 8][c][k % 8] = (G w[k][c] G^T)[place].
void winograd_weights(const Conv2dGeometry& a, const float* w, float* u) noexcept {
  const Index blocks = (a.out_channels + kWeightBlock - 1) / kWeightBlock,
              filters = blocks * a.in_channels * kWeightBlock;
  for (Index first = 0; first < filters; first += kLanes) {
    const Index count = filters - first < kLanes ? filters - first : kLanes;
    alignas(64) float lanes[9][kLanes] = {};
    for (Index f = 0; f < count; ++f) {
      const Index row = (first + f) / kWeightBlock, c = row % a.in_channels;
      const Index k = row / a.in_channels * kWeightBlock + (first + f) % kWeightBlock;
      if (k >= a.out_channels) continue;
      for (Index tap = 0; tap < 9; ++tap) lanes[tap][f] = w[(k * a.in_channels + c) * 9 + tap];
    }
    Vec columns[3][6];  // G w, by column of w
    for (int j = 0; j < 3; ++j) {
      const Vec g[3] = {Vec::load_aligned(lanes[j]), Vec::load_aligned(lanes[3 + j]),
                        Vec::load_aligned(lanes[6 + j])};
      winograd_filter(g, columns[j]);
    }
    for (int i = 0; i < 6; ++i) {
      const Vec g[3] = {columns[0][i], columns[1][i], columns[2][i]};
      Vec row[6];
      winograd_filter(g, row);
      for (int j = 0; j < 6; ++j) store_partial(u + (i * 6 + j) * filters + first, row[j], count);
    }
  }
}

// Output channels whose products are made place by place before any of them is transformed back.
// What a place reads, v, then comes from afar once for all of them; where v stays near, few are
// better, whose products stay near.
inline Index winograd_together(const Conv2dGeometry& a) noexcept {
  const Index all = (a.out_channels + kWeightBlock - 1) / kWeightBlock * kWeightBlock,
              most = a.in_channels <= 64 ? 2 * kWeightBlock : 256;
  return all < most ? all : most;
}

struct WinogradScratch {
  Index* channel;    // offsets of channels in v
  float *d, *v, *m;  // d [36][kInputPitch] of one channel, v [36][in_channels][kConvTile],
                     // m [winograd_together][36][kConvTile]

  static Index offset_bytes(const Conv2dGeometry& a) noexcept {
    return round_up_64(a.in_channels * static_cast<Index>(sizeof(Index)));
  }
  static std::size_t bytes(const Conv2dGeometry& a) noexcept {
    const Index floats = kPlaces * (kInputPitch + place_pitch(a.in_channels * kConvTile)) +
                         winograd_together(a) * kProductsPitch;
    return static_cast<std::size_t>(floats) * sizeof(float) +
           static_cast<std::size_t>(offset_bytes(a));
  }
  WinogradScratch(const Conv2dGeometry& a, std::byte* memory) noexcept {
    channel = reinterpret_cast<Index*>(memory);
    d = reinterpret_cast<float*>(memory + offset_bytes(a));
    v = d + kPlaces * kInputPitch;
    m = v + kPlaces * place_pitch(a.in_channels * kConvTile);
  }
};

std::size_t winograd_scratch_bytes(const Conv2dGeometry& a) noexcept {
  return WinogradScratch::bytes(a);
}

// Some tiles of one row, among those that are taken at a time from `at` on.
struct TileRun {
  Index row, column, at, count;  // in tiles
};

// The runs that tiles [first, first + count) are; says how many.
inline Index tile_runs(Index first, Index count, Index tiles_w, TileRun* runs) noexcept {
  Index made = 0, row = first / tiles_w, column = first % tiles_w;
  for (Index at = 0; at < count; ++row, column = 0) {
    const Index left = count - at, length = tiles_w - column < left ? tiles_w - column : left;
    runs[made++] = {.row = row, .column = column, .at = at, .count = length};
    at += length;
  }
  return made;
}

// Of the plane x the inputs of a run: d[(i * 6 + j) * kInputPitch + at + t] = input (i, j) of its
// tile t, zero outside of the plane. What lies `ahead` floats on is fetched meanwhile.
void winograd_gather(const Conv2dGeometry& a, const TileRun& run, const float* x, Index ahead,
                     float* d) noexcept {
  for (Index t = 0; t < run.count; t += kLanes) {
    const Index column = 4 * (run.column + t) - a.pad_w;
    const bool inside = column >= 0 && column + 5 * kLanes <= a.in_w;
    LaneMask masks[5];
    for (int i = 0; i < 5 && !inside; ++i) masks[i] = lanes_inside(column + i * kLanes, a.in_w);
    for (Index i = 0; i < 6; ++i) {
      const Index row = 4 * run.row - a.pad_h + i;
      float* to = d + i * 6 * kInputPitch + run.at + t;
      if (row < 0 || row >= a.in_h) {
        for (int j = 0; j < 6; ++j) Vec(0.0F).store_unaligned(to + j * kInputPitch);
        continue;
      }
      const float* from = x + row * a.in_w + column;
      Vec in[5], phase[4];
      for (int k = 0; k < 5; ++k) {
        __builtin_prefetch(from + ahead + k * kLanes);
        in[k] = inside ? Vec::load_unaligned(from + k * kLanes)
                       : load_lanes(from + k * kLanes, masks[k]);
      }
      split_phases<4>({in[0], in[1], in[2], in[3]}, phase);
      for (int j = 0; j < 4; ++j) phase[j].store_unaligned(to + j * kInputPitch);
      shift_in<0>(phase[0], in[4]).store_unaligned(to + 4 * kInputPitch);
      shift_in<1>(phase[1], in[4]).store_unaligned(to + 5 * kInputPitch);
    }
  }
}

// v[place * stride] = (B^T d B)[place] of kLanes tiles.
void winograd_load(const float* tiles, float* v, Index stride) noexcept {
  Vec columns[6][6];  // B^T d, by column of d
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    Vec d[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) d[i] = Vec::load_aligned(tiles + (i * 6 + j) * kInputPitch);
    winograd_input(d, columns[j]);
  }
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    const Vec d[6] = {columns[0][i], columns[1][i], columns[2][i],
                      columns[3][i], columns[4][i], columns[5][i]};
    Vec row[6];
    winograd_input(d, row);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) row[j].store_aligned(v + (i * 6 + j) * stride);
  }
}

// A^T m A of kLanes tiles of one output channel to their pixels of the plane y. `run` is the first
// of those that have tiles among them, from `first` on; `end` the last tile that counts, plus one.
void winograd_store(const Conv2dGeometry& a, const float* m, Index stride, float bias,
                    const float* slope, const TileRun* run, Index first, Index end,
                    float* y) noexcept {
  Vec columns[6][4];  // A^T m, by column of m
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    Vec column[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) column[i] = Vec::load_aligned(m + (i * 6 + j) * stride);
    winograd_output(column, columns[j]);
  }
  // Tiles of one row go where they belong, others by way of a buffer.
  alignas(64) float pixels[4][4 * kLanes];  // rows of the tiles side by side
  const Index begin = run->column + first - run->at;
  const bool in_row = first + kLanes <= run->at + run->count && 4 * (begin + kLanes) <= a.out_w;
#pragma GCC unroll 6
  for (int i = 0; i < 4; ++i) {
    const Vec row[6] = {columns[0][i], columns[1][i], columns[2][i],
                        columns[3][i], columns[4][i], columns[5][i]};
    Vec out[4];
    winograd_output(row, out);
#pragma GCC unroll 6
    for (int j = 0; j < 4; ++j) {
      const Vec sum = out[j] + Vec(bias);
      out[j] = slope ? activated(sum, *slope) : sum;
    }
    const Index out_row = 4 * run->row + i;
    const bool straight = in_row && out_row < a.out_h;
    store_by_turns(out, straight ? y + out_row * a.out_w + 4 * begin : pixels[i]);
  }
  if (in_row) return;
  for (Index t = first; t < end; t = run->at + run->count, ++run) {
    const Index column = 4 * (run->column + t - run->at);
    const Index left = run->at + run->count < end ? run->at + run->count - t : end - t;
    const Index floats = a.out_w - column < 4 * left ? a.out_w - column : 4 * left;
    for (Index i = 0; i < 4; ++i) {
      if (4 * run->row + i >= a.out_h) break;
      copy_floats(y + (4 * run->row + i) * a.out_w + column, pixels[i] + 4 * (t - first), floats);
    }
  }
}

// Tiles [begin, end) of one image.
void winograd(const Conv2dArgs<float>& args, const float* u, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const WinogradScratch scratch(a, tile.scratch);
  for (Index c = 0; c < a.in_channels; ++c) scratch.channel[c] = c * kConvTile;
  const float* x = args.x + tile.image * a.in_channels * args.x_plane();
  const Index out_plane = args.y_plane(), tiles_w = (a.out_w + 3) / 4;
  const Conv2dPart<float> whole{.y = args.y + tile.image * a.out_channels * out_plane,
                                .channels = a.out_channels};
  const Index v_place = place_pitch(a.in_channels * kConvTile);
  const Index blocks = (a.out_channels + kWeightBlock - 1) / kWeightBlock,
              together = winograd_together(a);
  for (Index q = tile.begin; q < tile.end; q += kConvTile) {
    const Index count = tile.end - q < kConvTile ? tile.end - q : kConvTile;
    TileRun runs[kConvTile];
    const Index run_count = tile_runs(q, count, tiles_w, runs);
    ConvTarget target{.to = nullptr,
                      .plane = kProductsPitch,
                      .at = {},
                      .vectors = (count + kLanes - 1) / kLanes,
                      .buffer = nullptr,
                      .residual = nullptr,
                      .slope = nullptr,
                      .ahead = 0};
    const TileRun* first_run[kConvVectors];
    for (Index v = 0, r = 0; v < target.vectors; ++v) {
      while (runs[r].at + runs[r].count <= v * kLanes) ++r;
      first_run[v] = runs + r;
      target.at[v] = v * kLanes;
    }
    for (Index c = 0; c < a.in_channels; ++c) {
      const float* plane = x + c * args.x_plane();
      const Index ahead = c + 1 < a.in_channels ? args.x_plane() : 0;
      for (Index r = 0; r < run_count; ++r) winograd_gather(a, runs[r], plane, ahead, scratch.d);
      for (Index v = 0; v < target.vectors; ++v)
        winograd_load(scratch.d + v * kLanes, scratch.v + c * kConvTile + v * kLanes, v_place);
    }
    for_each_part(
        args, whole, tile,
        [&](const Conv2dPart<float>& part, Index k, Index last, Index first_channel) {
          for (; k < last; k += together) {
            const Index end = k + together < last ? k + together : last;
            for (Index place = 0; place < kPlaces; ++place) {
              const float* weights = u + place * blocks * a.in_channels * kWeightBlock;
              for (Index i = k; i < end;) {
                target.to = scratch.m + (i - k) * kProductsPitch + place * kConvTile;
                const Index channel = first_channel + i, left = end - i,
                            side_by_side = kWeightBlock - channel % kWeightBlock;
                i += in_blocks(left < side_by_side ? left : side_by_side, [&](auto block) {
                  conv_block<Weights::by_tap, Walk::near, decltype(block)::value>(
                      scratch.v + place * v_place, scratch.channel, a.in_channels,
                      weights + channel / kWeightBlock * a.in_channels * kWeightBlock +
                          channel % kWeightBlock,
                      nullptr, target);
                });
              }
            }
            for (Index i = k; i < end; ++i) {
              const Index channel = first_channel + i;
              for (Index v = 0; v < target.vectors; ++v) {
                winograd_store(a, scratch.m + (i - k) * kProductsPitch + v * kLanes, kConvTile,
                               args.b ? args.b[channel] : 0.0F,
                               args.slope ? args.slope + channel : nullptr, first_run[v],
                               v * kLanes, count < (v + 1) * kLanes ? count : (v + 1) * kLanes,
                               part.y + i * out_plane);
              }
            }
          }
        });
  }
}

}  // namespace
}  // namespace rf
