// Winograd's convolution F(4x4, 3x3) (Lavin and Gray 2016): 16 outputs of a 3x3 filter from a tile
// of 6x6 inputs with 36 products instead of 144,
//   y = A^T ((G w G^T) . (B^T d B)) A,
// "." element by element. Summed over channels, each of the 36 places is a matrix product of its
// own, [out_channels, in_channels] x [in_channels, tiles], for which conv_block serves.
//
// Tiles begin every 4 pixels, so the input is packed (conv_strip.inl) as for a 6x6 kernel of stride
// 4: input (i, j) of neighbouring tiles then lies in neighbouring places, a vector's worth at once.
// Tiles are walked as one line of strip positions; those in the gap between rows are dropped.
namespace rf {
namespace {

constexpr Index kPlaces = 36;
// From one place's values to the next's, a cache line more than they need: what is written to all
// places at once would otherwise compete for the same few lines of a cache.
constexpr Index place_pitch(Index floats) { return floats + 16; }
// From one output channel's products to the next's.
constexpr Index kProductsPitch = place_pitch(kPlaces * kConvTile);

// The tiles of a layer as output pixels.
inline Conv2dGeometry tile_geometry(const Conv2dGeometry& a) noexcept {
  Conv2dGeometry tiles = a;
  tiles.kernel_h = tiles.kernel_w = 6;
  tiles.stride = 4;
  tiles.out_h = (a.out_h + 3) / 4;
  tiles.out_w = (a.out_w + 3) / 4;
  return tiles;
}

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
  return a.in_channels <= 64 ? kWeightBlock : 256;
}

struct WinogradScratch {
  Index *tap, *channel;  // offsets: of the 36 inputs in a channel's strip; of channels in v
  float *strip, *v, *m;  // v [36][in_channels][kConvTile], m [winograd_together][36][kConvTile]

  static std::size_t bytes(const Conv2dGeometry& tiles, const ConvStrip& shape) noexcept {
    const Index floats = round_up_64(shape.floats(tiles) * 4) / 4 +
                         kPlaces * place_pitch(tiles.in_channels * kConvTile) +
                         winograd_together(tiles) * kProductsPitch;
    return static_cast<std::size_t>(floats) * sizeof(float) +
           static_cast<std::size_t>(
               round_up_64((kPlaces + tiles.in_channels) * static_cast<Index>(sizeof(Index))));
  }
  WinogradScratch(const Conv2dGeometry& tiles, const ConvStrip& shape, std::byte* memory) noexcept {
    tap = reinterpret_cast<Index*>(memory);
    channel = tap + kPlaces;
    memory += round_up_64((kPlaces + tiles.in_channels) * static_cast<Index>(sizeof(Index)));
    strip = reinterpret_cast<float*>(memory);
    v = strip + round_up_64(shape.floats(tiles) * 4) / 4;
    m = v + kPlaces * place_pitch(tiles.in_channels * kConvTile);
  }
};

std::size_t winograd_scratch_bytes(const Conv2dGeometry& a, Index tile_rows) noexcept {
  const Conv2dGeometry tiles = tile_geometry(a);
  return WinogradScratch::bytes(tiles, ConvStrip(tiles, tile_rows));
}

// v[place * stride] = (B^T d B)[place] of the kLanes tiles from `strip` on.
void winograd_load(const float* strip, const Index* tap, float* v, Index stride) noexcept {
  Vec columns[6][6];  // B^T d, by column of d
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    Vec d[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) d[i] = Vec::load_unaligned(strip + tap[i * 6 + j]);
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

// Where the kLanes tiles from a strip position on go, `count` of which count; strip rows are
// `width` apart.
struct TileRun {
  Index row, column;  // of the first, in tiles
  Index count, width;
};

// A^T m A of these tiles, of one output channel, to their pixels of the plane y.
void winograd_store(const Conv2dGeometry& a, const Conv2dGeometry& tiles, const float* m,
                    Index stride, float bias, const float* slope, const TileRun& run,
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
  const bool in_row = 4 * (run.column + kLanes) <= a.out_w;
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
    const Index out_row = 4 * run.row + i;
    const bool straight = in_row && out_row < a.out_h;
    store_by_turns(out, straight ? y + out_row * a.out_w + 4 * run.column : pixels[i]);
  }
  if (in_row) return;
  Index row = run.row, column = run.column;
  for (Index t = 0; t < run.count; ++row, column = 0) {
    const Index rest = run.count - t,
                length = run.width - column < rest ? run.width - column : rest;
    const Index kept = tiles.out_w - column < length ? tiles.out_w - column : length;  // 0: the gap
    const Index floats = a.out_w - 4 * column < 4 * kept ? a.out_w - 4 * column : 4 * kept;
    for (Index i = 0; i < 4 && kept > 0; ++i) {
      if (4 * row + i >= a.out_h) break;
      copy_floats(y + (4 * row + i) * a.out_w + 4 * column, pixels[i] + 4 * t, floats);
    }
    t += length;
  }
}

// Rows [begin, end) of tiles of one image.
void winograd(const Conv2dArgs<float>& args, const float* u, const Conv2dTile& rows) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Conv2dGeometry tiles = tile_geometry(a);
  const ConvStrip shape(tiles, rows.end - rows.begin);
  const WinogradScratch scratch(tiles, shape, rows.scratch);
  Conv2dGeometry one_channel = tiles;
  one_channel.in_channels = 1;
  tap_offsets(one_channel, shape, scratch.tap);
  for (Index c = 0; c < a.in_channels; ++c) scratch.channel[c] = c * kConvTile;
  pack_strip(tiles, shape, args.x + rows.image * a.in_channels * args.x_plane(), args.x_plane(),
             rows.begin, scratch.strip);
  const Index out_plane = args.y_plane();
  const Conv2dPart<float> whole{.y = args.y + rows.image * a.out_channels * out_plane,
                                .channels = a.out_channels};
  const Index v_place = place_pitch(a.in_channels * kConvTile);
  const Index blocks = (a.out_channels + kWeightBlock - 1) / kWeightBlock,
              together = winograd_together(a);
  const Index positions = (rows.end - rows.begin - 1) * shape.width + tiles.out_w;
  for (Index q = 0; q < positions; q += kConvTile) {
    const Index count = positions - q < kConvTile ? positions - q : kConvTile;
    ConvTarget target{.to = nullptr,
                      .plane = kProductsPitch,
                      .at = {},
                      .vectors = (count + kLanes - 1) / kLanes,
                      .buffer = nullptr,
                      .residual = nullptr,
                      .slope = nullptr,
                      .ahead = 0};
    TileRun runs[kConvVectors];
    for (Index v = 0; v < target.vectors; ++v) {
      const Index first = q + v * kLanes, rest = count - v * kLanes;
      target.at[v] = v * kLanes;
      runs[v] = {.row = rows.begin + first / shape.width,
                 .column = first % shape.width,
                 .count = rest < kLanes ? rest : kLanes,
                 .width = shape.width};
    }
    for (Index c = 0; c < a.in_channels; ++c) {
      for (Index v = 0; v < target.vectors; ++v) {
        winograd_load(scratch.strip + c * shape.channel + q + v * kLanes, scratch.tap,
                      scratch.v + c * kConvTile + v * kLanes, v_place);
      }
    }
    for_each_part(
        args, whole, rows,
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
                winograd_store(a, tiles, scratch.m + (i - k) * kProductsPitch + v * kLanes,
                               kConvTile, args.b ? args.b[channel] : 0.0F,
                               args.slope ? args.slope + channel : nullptr, runs[v],
                               part.y + i * out_plane);
              }
            }
          }
        });
  }
}

}  // namespace
}  // namespace rf
