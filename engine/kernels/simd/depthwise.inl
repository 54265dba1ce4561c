// Depthwise 3x3 convolution, stride 1 or 2: one channel in, one out, so that nothing but the nine
// taps shares what is loaded. A block of outputs a few rows high uses each loaded vector for up to
// three rows. The input is read where it lies; lanes outside of it load as zeros.
namespace rf {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kDepthRows = 4, kDepthVectors = 2;  // 8 accumulators, 9 weights of 32 registers
#else
constexpr int kDepthRows = 2, kDepthVectors = 2;  // 4 accumulators, 9 weights of 16
#endif

inline bool is_depthwise_3x3(const Conv2dGeometry& a) noexcept {
  return a.in_channels == 1 && a.out_channels == 1 && a.kernel_h == 3 && a.kernel_w == 3 &&
         a.dilation == 1 && a.stride <= 2;
}

struct DepthwiseLayer {
  const float* w;
  float b;
  float slope;  // of the activation; 1: none
};

// A block of Rows x Vectors vectors of outputs.
template <int Stride, int Rows, int Vectors>
struct DepthwiseBlock {
  static constexpr int kInputRows = (Rows - 1) * Stride + 3;
  Vec acc[Rows][Vectors], w[9];

  explicit DepthwiseBlock(const DepthwiseLayer& layer) noexcept {
    // Read anew for each block: GCC would keep what a loop over blocks shares on the stack, and
    // read it there for every product.
    asm volatile("" ::: "memory");
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
      for (int t = 0; t < Vectors; ++t) acc[r][t] = Vec(layer.b);
    }
#pragma GCC unroll 16
    for (int tap = 0; tap < 9; ++tap) w[tap] = Vec(layer.w[tap]);
  }

  // Input row u, for tap column v of vector t, into the output rows that read it.
  [[gnu::always_inline]] void add(int u, int v, int t, Vec in) noexcept {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const int tap = u - r * Stride;
      if (tap >= 0 && tap < 3) acc[r][t] = xsimd::fma(w[tap * 3 + v], in, acc[r][t]);
    }
  }

  // load(u, t, i): of input row u the vector at column depthwise_column<Stride>(t, i).
  template <class Load>
  [[gnu::always_inline]] void add_rows(Load&& load) noexcept {
#pragma GCC unroll 16
    for (int u = 0; u < kInputRows; ++u) {
#pragma GCC unroll 16
      for (int t = 0; t < Vectors; ++t) {
        if constexpr (Stride == 1) {
#pragma GCC unroll 16
          for (int v = 0; v < 3; ++v) add(u, v, t, load(u, t, v));
        } else {
          Vec even, odd, last, unused;
          unzip(load(u, t, 0), load(u, t, 1), even, odd);
          unzip(load(u, t, 2), load(u, t, 3), last, unused);
          add(u, 0, t, even);
          add(u, 1, t, odd);
          add(u, 2, t, last);
        }
      }
    }
  }

  // The last `count` lanes alone when `count` is less than kLanes.
  void store(float slope, float* y, Index pitch, Index count) noexcept {
    if (slope != 1) {
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < Vectors; ++t) acc[r][t] = activated(acc[r][t], slope);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
      for (int t = 0; t < Vectors; ++t) {
        float* to = y + r * pitch + t * kLanes;
        if (count == kLanes)
          acc[r][t].store_unaligned(to);
        else
          store_partial(to, acc[r][t], count);
      }
    }
  }
};

// Of an input row, a vector of outputs reads so many vectors; where the i-th of those of vector t
// begins, in columns from the block's first.
template <int Stride>
constexpr int kDepthLoads = Stride == 1 ? 3 : 4;
template <int Stride>
constexpr int depthwise_column(int t, int i) {
  constexpr int kNext = static_cast<int>(kLanes);
  return t * Stride * kNext + (Stride == 1 ? i : i / 2 * 2 + i % 2 * kNext);
}

// What a block reads of a row that is not there.
alignas(64) constexpr float kNoRow[4 * kLanes] = {};

// Columns [begin, end) of a row: calls block(Count<vectors>, column, lanes that count). Where the
// last vector does not fit and there is room before it, it covers some columns again.
template <int Vectors, class Block>
inline void for_columns(Index begin, Index end, Block&& block) noexcept {
  Index j = begin;
  if constexpr (Vectors > 1) {
    for (; j + Vectors * kLanes <= end; j += Vectors * kLanes) block(Count<Vectors>{}, j, kLanes);
  }
  for (; j + kLanes <= end; j += kLanes) block(Count<1>{}, j, kLanes);
  if (j == end) return;
  if (end - begin >= kLanes)
    block(Count<1>{}, end - kLanes, kLanes);
  else
    block(Count<1>{}, j, end - j);
}

// Columns [begin, end) of output rows [row, last), of the plane x into the plane y: down the rows,
// then on to the next columns.
template <int Stride>
void depthwise_rows(const DepthwiseLayer& layer, const Conv2dGeometry& a, const float* x, float* y,
                    Index row, Index last, Index begin, Index end) noexcept {
  for_columns<Stride == 1 ? kDepthVectors : 1>(begin, end, [&](auto vectors, Index j, Index count) {
    constexpr int kVectors = decltype(vectors)::value;
    const Index column = j * Stride - a.pad_w;  // of the input
    const bool inside = column >= 0 && column + kVectors * Stride * kLanes + 2 <= a.in_w;
    const bool whole_rows = row * Stride >= a.pad_h && (last - 1) * Stride - a.pad_h + 3 <= a.in_h;
    LaneMask masks[kVectors][kDepthLoads<Stride>];
    if (!inside || !whole_rows) {
#pragma GCC unroll 16
      for (int t = 0; t < kVectors; ++t) {
#pragma GCC unroll 16
        for (int i = 0; i < kDepthLoads<Stride>; ++i)
          masks[t][i] = lanes_inside(column + depthwise_column<Stride>(t, i), a.in_w);
      }
    }
    const auto make = [&](auto rows, Index i) __attribute__((always_inline)) {
      constexpr int kRows = decltype(rows)::value;
      using Block = DepthwiseBlock<Stride, kRows, kVectors>;
      Block block(layer);
      const Index first = i * Stride - a.pad_h;
      if (inside && first >= 0 && first + Block::kInputRows <= a.in_h) {
        const float* p = x + first * a.in_w + column;
        block.add_rows([&](int u, int t, int k) {
          return Vec::load_unaligned(p + u * a.in_w + depthwise_column<Stride>(t, k));
        });
      } else {
        const float* lines[Block::kInputRows];
#pragma GCC unroll 16
        for (int u = 0; u < Block::kInputRows; ++u) {
          const bool exists = first + u >= 0 && first + u < a.in_h;
          lines[u] = exists ? x + (first + u) * a.in_w + column : kNoRow;
        }
        block.add_rows([&](int u, int t, int k) {
          return load_lanes(lines[u] + depthwise_column<Stride>(t, k), masks[t][k]);
        });
      }
      block.store(layer.slope, y + i * a.out_w + j, a.out_w, count);
    };
    Index i = row;
    for (; i + kDepthRows <= last; i += kDepthRows) make(Count<kDepthRows>{}, i);
    if constexpr (kDepthRows > 2) {
      if (i + 2 <= last) make(Count<2>{}, i), i += 2;
    }
    if (i < last) make(Count<1>{}, i);
  });
}

// The rows of one plane of which pixels [begin, end) are wanted: the first and the last row may be
// parts.
template <int Stride>
void depthwise_plane(const DepthwiseLayer& layer, const Conv2dGeometry& a, const float* x, float* y,
                     Index begin, Index end) noexcept {
  Index row = begin / a.out_w;
  const Index column = begin % a.out_w, last = end / a.out_w;
  if (column > 0) {
    const Index stop = row == last ? end % a.out_w : a.out_w;
    depthwise_rows<Stride>(layer, a, x, y, row, row + 1, column, stop);
    ++row;
  }
  // Long rows one block of them after the other, as a processor foresees what is read next.
  constexpr Index kShortRow = 128;
  const Index step = a.out_w > kShortRow ? kDepthRows : last;
  for (; row < last; row = row + step < last ? row + step : last)
    depthwise_rows<Stride>(layer, a, x, y, row, row + step < last ? row + step : last, 0, a.out_w);
  if (row <= last && end % a.out_w > 0)
    depthwise_rows<Stride>(layer, a, x, y, last, last + 1, 0, end % a.out_w);
}

void depthwise_conv2d(const Conv2dArgs<float>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index plane = tile.image * a.groups + tile.group;
  const float* x = args.x + plane * args.x_plane();
  float* y = args.y + plane * args.y_plane();
  const DepthwiseLayer layer{.w = args.w + tile.group * 9,
                             .b = args.b ? args.b[tile.group] : 0.0F,
                             .slope = args.slope ? args.slope[tile.group] : 1};
  if (a.stride == 1)
    depthwise_plane<1>(layer, a, x, y, tile.begin, tile.end);
  else
    depthwise_plane<2>(layer, a, x, y, tile.begin, tile.end);
}

std::size_t depthwise_grad_input_scratch_bytes(const Conv2dGeometry& a) noexcept {
  return static_cast<std::size_t>(6 * (a.out_w + 1 + kLanes)) * sizeof(float);
}

// dL/dx of one plane for stride 2 and pad 1. Row 2 i of it is reached by row i of dL/dy through
// the middle row of taps, row 2 i + 1 by rows i and i + 1 through the other two; columns likewise.
void depthwise_grad_input(const Conv2dGradInputArgs<float>& args, Index image, Index group,
                          std::byte* scratch) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index plane = image * a.groups + group, pitch = a.out_w + 1 + kLanes;
  const float* gy = args.gy + plane * a.out_h * a.out_w;
  float* gx = args.gx + plane * a.in_h * a.in_w;
  Vec w[9];
  for (int tap = 0; tap < 9; ++tap) w[tap] = Vec(args.w[group * 9 + tap]);
  auto* row = reinterpret_cast<float*>(scratch);
  float *next = row + pitch, *even[2] = {next + pitch, next + 2 * pitch},
        *odd[2] = {next + 3 * pitch, next + 4 * pitch};
  const auto load_row = [&](Index i,
                            float* to) {  // zeros after the last column, and below the last row
    const Index count = i < a.out_h ? a.out_w : 0;
    for (Index j = 0; j < count; ++j) to[j] = gy[i * a.out_w + j];
    for (Index j = count; j < pitch; ++j) to[j] = 0;
  };
  load_row(0, next);
  for (Index i = 0; i < a.out_h; ++i) {
    float* swap = row;
    row = next;
    next = swap;
    load_row(i + 1, next);
    for (Index m = 0; m < a.out_w; m += kLanes) {
      const Vec g00 = Vec::load_unaligned(row + m), g01 = Vec::load_unaligned(row + m + 1);
      const Vec g10 = Vec::load_unaligned(next + m), g11 = Vec::load_unaligned(next + m + 1);
      (w[4] * g00).store_unaligned(even[0] + m);
      xsimd::fma(w[3], g01, w[5] * g00).store_unaligned(odd[0] + m);
      xsimd::fma(w[1], g10, w[7] * g00).store_unaligned(even[1] + m);
      xsimd::fma(w[0], g11, xsimd::fma(w[2], g10, xsimd::fma(w[6], g01, w[8] * g00)))
          .store_unaligned(odd[1] + m);
    }
    for (Index parity = 0; parity < 2 && 2 * i + parity < a.in_h; ++parity) {
      float* to = gx + (2 * i + parity) * a.in_w;
      const float *e = even[parity], *o = odd[parity];
      for (Index m = 0; m < a.in_w / 2; ++m) {
        to[2 * m] = e[m];
        to[2 * m + 1] = o[m];
      }
      if (a.in_w % 2) to[a.in_w - 1] = e[a.in_w / 2];
    }
  }
}

}  // namespace
}  // namespace rf
