// Winograd's convolution F(m x m, 3x3) (Lavin and Gray 2016): m x m outputs of a 3x3 filter from a
// tile of side m + 2 with (m + 2)^2 products instead of 9 m^2,
//   y = A^T ((G w G^T) . (B^T d B)) A,
// "." element by element. Summed over channels, each of the (m + 2)^2 places is a matrix product of
// its own, [out_channels, in_channels] x [in_channels, tiles].
//
// Tiles are numbered row by row and taken kConvTile at a time. Input (i, j) of neighbouring tiles
// is brought into neighbouring places first, a vector's worth at once, channel by channel.
namespace rf {
namespace {

template <int M>
constexpr Index kSide = M + 2;
template <int M>
constexpr Index kPlaces = kSide<M>* kSide<M>;
// From one place's values to the next's, a cache line more than they need: what is written to all
// places at once would otherwise compete for the same few lines of a cache.
constexpr Index place_pitch(Index floats) { return floats + 16; }
// From one output channel's products to the next's.
template <int M>
constexpr Index kProductsPitch = place_pitch(kPlaces<M>* kConvTile);

// From one of a tile's inputs to the next in the scratch of one channel: groups of kLanes tiles may
// end past the last.
constexpr Index kInputPitch = kConvTile + kLanes;

// u[place][k / 8][c][k % 8] = (G w[k][c] G^T)[place].
template <int M>
void winograd_weights(const Conv2dGeometry& a, const float* w, float* u) noexcept {
  constexpr int kRow = M + 2;
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
    Vec columns[3][kRow];  // G w, by column of w
    for (int j = 0; j < 3; ++j) {
      const Vec g[3] = {Vec::load_aligned(lanes[j]), Vec::load_aligned(lanes[3 + j]),
                        Vec::load_aligned(lanes[6 + j])};
      winograd_filter(g, columns[j]);
    }
    for (int i = 0; i < kRow; ++i) {
      const Vec g[3] = {columns[0][i], columns[1][i], columns[2][i]};
      Vec row[kRow];
      winograd_filter(g, row);
      for (int j = 0; j < kRow; ++j)
        store_partial(u + (i * kRow + j) * filters + first, row[j], count);
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

template <int M>
struct WinogradScratch {
  float *d, *v, *m;  // d [places][kInputPitch] of one channel, v [places][in_channels][kConvTile],
                     // m [winograd_together][places][kConvTile]

  static std::size_t bytes(const Conv2dGeometry& a) noexcept {
    const Index floats = kPlaces<M> * (kInputPitch + place_pitch(a.in_channels * kConvTile)) +
                         winograd_together(a) * kProductsPitch<M>;
    return static_cast<std::size_t>(floats) * sizeof(float);
  }
  WinogradScratch(const Conv2dGeometry& a, std::byte* memory) noexcept {
    d = reinterpret_cast<float*>(memory);
    v = d + kPlaces<M> * kInputPitch;
    m = v + kPlaces<M> * place_pitch(a.in_channels * kConvTile);
  }
};

template <int M>
std::size_t winograd_scratch_bytes(const Conv2dGeometry& a) noexcept {
  return WinogradScratch<M>::bytes(a);
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

// Of the plane x the inputs of a run, transformed along their rows:
// d[(i * (M + 2) + j) * kInputPitch + at + t] = (d B)(i, j) of its tile t, of zeros outside of the
// plane. What lies `ahead` floats on is fetched meanwhile.
template <int M>
void winograd_gather(const Conv2dGeometry& a, const TileRun& run, const float* x, Index ahead,
                     float* d) noexcept {
  for (Index t = 0; t < run.count; t += kLanes) {
    const Index column = M * (run.column + t) - a.pad_w;
    const bool inside = column >= 0 && column + (M + 1) * kLanes <= a.in_w;
    LaneMask masks[M + 1];
    for (int i = 0; i <= M && !inside; ++i) masks[i] = lanes_inside(column + i * kLanes, a.in_w);
    for (Index i = 0; i < kSide<M>; ++i) {
      const Index row = M * run.row - a.pad_h + i;
      float* to = d + i * kSide<M> * kInputPitch + run.at + t;
      if (row < 0 || row >= a.in_h) {
        for (int j = 0; j < kSide<M>; ++j) Vec(0.0F).store_unaligned(to + j * kInputPitch);
        continue;
      }
      const float* from = x + row * a.in_w + column;
      Vec line[M + 1], phase[M], tile[M + 2], transformed[M + 2];
#pragma GCC unroll 8
      for (int k = 0; k <= M; ++k) {
        __builtin_prefetch(from + ahead + k * kLanes);
        line[k] = inside ? Vec::load_unaligned(from + k * kLanes)
                         : load_lanes(from + k * kLanes, masks[k]);
      }
      split_phases(line, phase);
#pragma GCC unroll 8
      for (int j = 0; j < M; ++j) tile[j] = phase[j];
      tile[M] = shift_in<0>(phase[0], line[M]);
      tile[M + 1] = shift_in<1>(phase[1], line[M]);
      winograd_input(tile, transformed);
#pragma GCC unroll 8
      for (int j = 0; j < M + 2; ++j) transformed[j].store_unaligned(to + j * kInputPitch);
    }
  }
}

// v[place * stride] = (B^T d B)[place] of kLanes tiles, of which d B is given.
template <int M>
void winograd_load(const float* tiles, float* v, Index stride) noexcept {
  constexpr int kRow = M + 2;
  for (int j = 0; j < kRow; ++j) {
    Vec d[kRow], column[kRow];
#pragma GCC unroll 8
    for (int i = 0; i < kRow; ++i) d[i] = Vec::load_aligned(tiles + (i * kRow + j) * kInputPitch);
    winograd_input(d, column);
#pragma GCC unroll 8
    for (int i = 0; i < kRow; ++i) column[i].store_aligned(v + (i * kRow + j) * stride);
  }
}

// A^T m A of kLanes tiles of one output channel to their pixels of the plane y. `run` is the first
// of those that have tiles among them, from `first` on; `end` the last tile that counts, plus one.
template <int M>
void winograd_store(const Conv2dGeometry& a, const float* m, float bias, const float* slope,
                    const TileRun* run, Index first, Index end, float* y) noexcept {
  constexpr int kRow = M + 2;
  Vec rows[M][kRow];  // A^T m
  for (int j = 0; j < kRow; ++j) {
    Vec products[kRow], column[M];
#pragma GCC unroll 8
    for (int i = 0; i < kRow; ++i) products[i] = Vec::load_aligned(m + (i * kRow + j) * kConvTile);
    winograd_output(products, column);
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) rows[i][j] = column[i];
  }
  // Tiles of one row go where they belong, others by way of a buffer.
  alignas(64) float pixels[M][M * kLanes];  // rows of the tiles side by side
  const Index begin = run->column + first - run->at;
  const bool in_row = first + kLanes <= run->at + run->count && M * (begin + kLanes) <= a.out_w;
  for (int i = 0; i < M; ++i) {
    Vec out[M];
    winograd_output(rows[i], out);
#pragma GCC unroll 8
    for (int j = 0; j < M; ++j) {
      const Vec sum = out[j] + Vec(bias);
      out[j] = slope ? activated(sum, *slope) : sum;
    }
    const Index out_row = M * run->row + i;
    const bool straight = in_row && out_row < a.out_h;
    store_by_turns(out, straight ? y + out_row * a.out_w + M * begin : pixels[i]);
  }
  if (in_row) return;
  for (Index t = first; t < end; t = run->at + run->count, ++run) {
    const Index column = M * (run->column + t - run->at);
    const Index left = run->at + run->count < end ? run->at + run->count - t : end - t;
    const Index floats = a.out_w - column < M * left ? a.out_w - column : M * left;
    for (Index i = 0; i < M; ++i) {
      if (M * run->row + i >= a.out_h) break;
      copy_floats(y + (M * run->row + i) * a.out_w + column, pixels[i] + M * (t - first), floats);
    }
  }
}

// m[k * pitch + t] = sum_c u[c * kWeightBlock + k] v[c * kConvTile + t] of Channels output channels
// and Vectors * kLanes tiles.
template <int Channels, int Vectors>
[[gnu::always_inline]] inline void winograd_block(const float* u, const float* v, Index in_channels,
                                                  float* m, Index pitch) noexcept {
  Vec acc[Channels][Vectors];
  for (int k = 0; k < Channels; ++k) {
    for (int i = 0; i < Vectors; ++i) acc[k][i] = Vec(0.0F);
  }
  for (Index c = 0; c < in_channels; ++c, u += kWeightBlock, v += kConvTile) {
    if (Vectors < kConvVectors) __builtin_prefetch(u + 64 * kWeightBlock);
    Vec x[Vectors];
    for (int i = 0; i < Vectors; ++i) x[i] = Vec::load_aligned(v + i * kLanes);
    add_products<Channels, Vectors>(
        x, [&](int k) { return u[k]; }, acc);
  }
  for (int k = 0; k < Channels; ++k) {
    for (int i = 0; i < Vectors; ++i) acc[k][i].store_aligned(m + k * pitch + i * kLanes);
  }
}

template <int Channels>
[[gnu::always_inline]] inline void winograd_block(const float* u, const float* v, Index in_channels,
                                                  Index vectors, float* m, Index pitch) noexcept {
  if (vectors > 2)
    winograd_block<Channels, kConvVectors>(u, v, in_channels, m, pitch);
  else if (vectors == 2)
    winograd_block<Channels, 2>(u, v, in_channels, m, pitch);
  else
    winograd_block<Channels, 1>(u, v, in_channels, m, pitch);
}

// The products of `places` places: m[i][place] = u[place] v[place] for the output channels
// [first, first + count), of so many vectors of tiles. `pitch`: from one output channel's to the
// next's. Flat: a block that were a function would end with vzeroupper, which waits for the block's
// products.
[[gnu::noinline, gnu::flatten]] void winograd_products(const Conv2dGeometry& a, const float* u,
                                                       const float* v, Index vectors, Index places,
                                                       Index first, Index count, float* m,
                                                       Index pitch) noexcept {
  const Index block_floats = a.in_channels * kWeightBlock,
              place = block_floats * ((a.out_channels + kWeightBlock - 1) / kWeightBlock);
  for (Index p = 0; p < places; ++p, u += place, v += place_pitch(a.in_channels * kConvTile)) {
    for (Index i = 0; i < count;) {
      const Index channel = first + i, left = count - i,
                  side_by_side = kWeightBlock - channel % kWeightBlock;
      const float* weights = u + channel / kWeightBlock * block_floats + channel % kWeightBlock;
      float* to = m + i * pitch + p * kConvTile;
      i += in_blocks(left < side_by_side ? left : side_by_side, [&](auto block) {
        winograd_block<decltype(block)::value>(weights, v, a.in_channels, vectors, to, pitch);
      });
    }
  }
}

// Tiles [begin, end) of one image.
template <int M>
void winograd(const Conv2dArgs<float>& args, const float* u, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const WinogradScratch<M> scratch(a, tile.scratch);
  const float* x = args.x + tile.image * a.in_channels * args.x_plane();
  const Index out_plane = args.y_plane(), tiles_w = (a.out_w + M - 1) / M;
  const Conv2dPart<float> whole{.y = args.y + tile.image * a.out_channels * out_plane,
                                .channels = a.out_channels};
  const Index v_place = place_pitch(a.in_channels * kConvTile), together = winograd_together(a);
  for (Index q = tile.begin; q < tile.end; q += kConvTile) {
    const Index count = tile.end - q < kConvTile ? tile.end - q : kConvTile;
    TileRun runs[kConvTile];
    const Index run_count = tile_runs(q, count, tiles_w, runs);
    const Index vectors = (count + kLanes - 1) / kLanes;
    const TileRun* first_run[kConvVectors];
    for (Index v = 0, r = 0; v < vectors; ++v) {
      while (runs[r].at + runs[r].count <= v * kLanes) ++r;
      first_run[v] = runs + r;
    }
    for (Index c = 0; c < a.in_channels; ++c) {
      const float* plane = x + c * args.x_plane();
      const Index ahead = c + 1 < a.in_channels ? args.x_plane() : 0;
      for (Index r = 0; r < run_count; ++r) winograd_gather<M>(a, runs[r], plane, ahead, scratch.d);
      for (Index v = 0; v < vectors; ++v)
        winograd_load<M>(scratch.d + v * kLanes, scratch.v + c * kConvTile + v * kLanes, v_place);
    }
    for_each_part(args, whole, tile,
                  [&](const Conv2dPart<float>& part, Index k, Index last, Index first_channel) {
                    for (; k < last; k += together) {
                      const Index end = k + together < last ? k + together : last;
                      winograd_products(a, u, scratch.v, vectors, kPlaces<M>, first_channel + k,
                                        end - k, scratch.m, kProductsPitch<M>);
                      for (Index i = k; i < end; ++i) {
                        const Index channel = first_channel + i;
                        for (Index v = 0; v < vectors; ++v) {
                          winograd_store<M>(a, scratch.m + (i - k) * kProductsPitch<M> + v * kLanes,
                                            args.b ? args.b[channel] : 0.0F,
                                            args.slope ? args.slope + channel : nullptr,
                                            first_run[v], v * kLanes,
                                            count < (v + 1) * kLanes ? count : (v + 1) * kLanes,
                                            part.y + i * out_plane);
                        }
                      }
                    }
                  });
  }
}

#if defined(__AVX512F__) || defined(__aarch64__)  // the latter not measured
constexpr double kTransformCost[] = {280, 850, 2000};
#elif defined(__AVX2__)
constexpr double kTransformCost[] = {360, 1360, 3700};
#else
constexpr double kTransformCost[] = {770, 2090, 4560};
#endif

template <int M>
constexpr WinogradKernel kWinograd = {.outputs = M,
                                      .transform_cost = kTransformCost[M / 2 - 1],
                                      .weights = winograd_weights<M>,
                                      .scratch_bytes = winograd_scratch_bytes<M>,
                                      .run = winograd<M>};

}  // namespace
}  // namespace rf
