// Depthwise 3x3 convolution, stride 1 or 2: one channel in, one out, so that nothing but the nine
// taps shares what is loaded. A block of outputs a few rows high uses each loaded vector for up to
// three rows. The input is read where it lies; lanes outside of it load as zeros.
namespace rf {
namespace {

#if defined(__AVX512F__)
constexpr int kDepthRows = 4;  // with 2 vectors 8 accumulators, 9 weights of 32 registers
template <int Stride>
constexpr int kDepthVectors = 2;
#elif defined(__aarch64__)
constexpr int kDepthRows = 4;
template <int Stride>
constexpr int kDepthVectors = Stride == 1 ? 2 : 1;
#else
constexpr int kDepthRows = 2;  // with 2 vectors 4 accumulators, 9 weights of 16
template <int Stride>
constexpr int kDepthVectors = Stride == 1 ? 2 : 1;
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

// What a block of Vectors vectors of outputs loads of an input row: kCount vectors, the i-th from
// column at(i) on, counted from the first that a tap reads; and what of it the taps of vector t
// are.
template <int Stride, int Vectors>
struct DepthwiseLoads {
  static constexpr int kNext = static_cast<int>(kLanes);
#if defined(__AVX512F__)
  // Each number once, and those of the middle column, which mostly begin with a cache line: a load
  // from two lines takes as long as two. The columns beside it are shifted in registers.
  static constexpr bool kShifts = Stride == 2 || Vectors > 1;
#else
  static constexpr bool kShifts = false;
#endif
  static constexpr int kOfVector = Stride == 1 ? 3 : 4;
  static constexpr int kCount =
      kShifts ? Stride * Vectors + (Stride == 1 ? 2 : 1) : kOfVector * Vectors;

  static constexpr int at(int i) {
    if (kShifts) return (i - 1) * kNext + 1;
    const int t = i / kOfVector, k = i % kOfVector;
    return t * Stride * kNext + (Stride == 1 ? k : k / 2 * 2 + k % 2 * kNext);
  }

  [[gnu::always_inline]] static void taps(const Vec (&in)[kCount],
                                          Vec (&tap)[Vectors][3]) noexcept {
    Vec before = in[0], unused;
#pragma GCC unroll 16
    for (int t = 0; t < Vectors; ++t) {
      if constexpr (!kShifts && Stride == 1) {
#pragma GCC unroll 16
        for (int v = 0; v < 3; ++v) tap[t][v] = in[3 * t + v];
      } else if constexpr (!kShifts) {
        unzip(in[4 * t], in[4 * t + 1], tap[t][0], tap[t][1]);
        unzip(in[4 * t + 2], in[4 * t + 3], tap[t][2], unused);
      } else if constexpr (Stride == 1) {
        tap[t][0] = shift_out(in[t], in[t + 1]);
        tap[t][1] = in[t + 1];
        tap[t][2] = shift_in<0>(in[t + 1], in[t + 2]);
      } else {
        unzip(in[2 * t + 1], in[2 * t + 2], tap[t][1], tap[t][2]);
        tap[t][0] = shift_out(before, tap[t][2]);
        before = tap[t][2];
      }
    }
  }
};

// A block of Rows x Vectors vectors of outputs.
template <int Stride, int Rows, int Vectors>
struct DepthwiseBlock {
  static constexpr int kInputRows = (Rows - 1) * Stride + 3;
  using Loads = DepthwiseLoads<Stride, Vectors>;
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

  // load(u, i): of input row u the i-th vector of Loads.
  template <class Load>
  [[gnu::always_inline]] void add_rows(Load&& load) noexcept {
#pragma GCC unroll 16
    for (int u = 0; u < kInputRows; ++u) {
      Vec in[Loads::kCount], tap[Vectors][3];
#pragma GCC unroll 16
      for (int i = 0; i < Loads::kCount; ++i) in[i] = load(u, i);
      Loads::taps(in, tap);
#pragma GCC unroll 16
      for (int v = 0; v < 3; ++v) {
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
          const int row = u - r * Stride;
          if (row < 0 || row >= 3) continue;
#pragma GCC unroll 16
          for (int t = 0; t < Vectors; ++t)
            acc[r][t] = xsimd::fma(w[row * 3 + v], tap[t][v], acc[r][t]);
        }
      }
    }
  }

  // The first `count` lanes alone, of one vector, when that is less than kLanes.
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

// What a block reads of a row that is not there, from the column after kLanes on.
alignas(64) constexpr float kNoRow[6 * kLanes] = {};

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
  for_columns<kDepthVectors<Stride>>(begin, end, [&](auto vectors, Index j, Index count) {
    constexpr int kVectors = decltype(vectors)::value;
    const Index column = j * Stride - a.pad_w;  // of the input
    using Loads = DepthwiseLoads<Stride, kVectors>;
    static_assert(Loads::at(0) >= -kLanes && Loads::at(Loads::kCount - 1) <= 4 * kLanes);  // kNoRow
    const bool inside =
        column + Loads::at(0) >= 0 && column + Loads::at(Loads::kCount - 1) + kLanes <= a.in_w;
    const bool whole_rows = row * Stride >= a.pad_h && (last - 1) * Stride - a.pad_h + 3 <= a.in_h;
    LaneMask masks[Loads::kCount];
    if (!inside || !whole_rows) {
#pragma GCC unroll 16
      for (int i = 0; i < Loads::kCount; ++i)
        masks[i] = lanes_inside(column + Loads::at(i), a.in_w);
    }
    const auto make = [&](auto rows, Index i) __attribute__((always_inline)) {
      constexpr int kRows = decltype(rows)::value;
      using Block = DepthwiseBlock<Stride, kRows, kVectors>;
      Block block(layer);
      const Index first = i * Stride - a.pad_h;
      if (inside && first >= 0 && first + Block::kInputRows <= a.in_h) {
        const float* p = x + first * a.in_w + column;
        block.add_rows(
            [&](int u, int k) { return Vec::load_unaligned(p + u * a.in_w + Loads::at(k)); });
      } else {
        const float* lines[Block::kInputRows];
#pragma GCC unroll 16
        for (int u = 0; u < Block::kInputRows; ++u) {
          const bool exists = first + u >= 0 && first + u < a.in_h;
          lines[u] = exists ? x + (first + u) * a.in_w + column : kNoRow + kLanes;
        }
        block.add_rows([&](int u, int k) { return load_lanes(lines[u] + Loads::at(k), masks[k]); });
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
