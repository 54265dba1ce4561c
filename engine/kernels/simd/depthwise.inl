// Depthwise 3x3 convolution, stride 1 or 2: one channel in, one out, so that nothing but the nine
// taps shares what is loaded. A block of outputs a few rows high uses each loaded vector for up to
// three rows. Stride 1 reads the input where it lies, but for the edges; stride 2 from rows packed
// as in conv2d.inl.
namespace rf {
namespace {

#if defined(__AVX512F__)
constexpr int kDepthRows = 4, kDepthVectors = 2;  // 8 accumulators, 9 weights of 32 registers
#else
constexpr int kDepthRows = 2, kDepthVectors = 2;  // 4 accumulators, 9 weights of 16
#endif

inline bool is_depthwise_3x3(const Conv2dGeometry& a) noexcept {
  return a.in_channels == 1 && a.out_channels == 1 && a.kernel_h == 3 && a.kernel_w == 3 &&
         a.dilation == 1 && a.stride <= 2;
}

struct DepthwiseLayer {
  Index offset[9];  // stride 2: of the taps from an output's first input
  Index in_pitch;   // floats between the inputs of neighbouring output rows
  Index out_w;
  const float* w;
  float b;
  float slope;  // of the activation; 1: none
};

// A block of Rows x Vectors vectors of outputs.
template <int Rows, int Vectors>
struct DepthwiseBlock {
  Vec acc[Rows][Vectors], w[9];

  explicit DepthwiseBlock(const DepthwiseLayer& layer) noexcept {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
      for (int t = 0; t < Vectors; ++t) acc[r][t] = Vec(layer.b);
    }
#pragma GCC unroll 16
    for (int tap = 0; tap < 9; ++tap) w[tap] = Vec(layer.w[tap]);
  }

  // Stride 1: load(u, v, t) gives the inputs in row u for tap column v of vector t; row u serves
  // output rows u - 2 .. u.
  template <class Load>
  [[gnu::always_inline]] void add_rows(Load&& load) noexcept {
#pragma GCC unroll 16
    for (int u = 0; u < Rows + 2; ++u) {
#pragma GCC unroll 16
      for (int v = 0; v < 3; ++v) {
#pragma GCC unroll 16
        for (int t = 0; t < Vectors; ++t) {
          const Vec in = load(u, v, t);
#pragma GCC unroll 16
          for (int r = 0; r < Rows; ++r) {
            if (u >= r && u - r < 3) acc[r][t] = xsimd::fma(w[(u - r) * 3 + v], in, acc[r][t]);
          }
        }
      }
    }
  }

  // Any stride: each tap where its offset says.
  void add_taps(const DepthwiseLayer& layer, const float* x) noexcept {
#pragma GCC unroll 16
    for (int tap = 0; tap < 9; ++tap) {
      const float* p = x + layer.offset[tap];
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < Vectors; ++t) {
          const Vec in = Vec::load_unaligned(p + r * layer.in_pitch + t * kLanes);
          acc[r][t] = xsimd::fma(w[tap], in, acc[r][t]);
        }
      }
    }
  }

  // The last `count` lanes alone when `count` is less than kLanes.
  void store(const DepthwiseLayer& layer, float* y, Index count) noexcept {
    if (layer.slope != 1) {
      const float slope = layer.slope;
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
        float* to = y + r * layer.out_w + t * kLanes;
        if (count == kLanes)
          acc[r][t].store_unaligned(to);
        else
          store_partial(to, acc[r][t], count);
      }
    }
  }
};

// Columns [begin, end) of a row: calls block(Count<vectors>, column, lanes that count). Where the
// last vector does not fit and there is room before it, it covers some columns again.
template <class Block>
inline void for_columns(Index begin, Index end, Block&& block) noexcept {
  Index j = begin;
  for (; j + kDepthVectors * kLanes <= end; j += kDepthVectors * kLanes)
    block(Count<kDepthVectors>{}, j, kLanes);
  for (; j + kLanes <= end; j += kLanes) block(Count<1>{}, j, kLanes);
  if (j == end) return;
  if (end - begin >= kLanes)
    block(Count<1>{}, end - kLanes, kLanes);
  else
    block(Count<1>{}, j, end - j);
}

// Stride 2: columns [begin, end) of Rows output rows; the first column's inputs at x.
template <int Rows>
void depthwise_rows(const DepthwiseLayer& layer, const float* x, float* y, Index begin,
                    Index end) noexcept {
  for_columns(begin, end, [&](auto vectors, Index j, Index count) {
    DepthwiseBlock<Rows, decltype(vectors)::value> block(layer);
    block.add_taps(layer, x + j);
    block.store(layer, y + j, count);
  });
}

// Stride 1: columns [begin, end) of Rows output rows from `row` on, read from the plane x where it
// lies.
template <int Rows>
void depthwise_in_place(const DepthwiseLayer& layer, const Conv2dGeometry& a, const float* x,
                        Index row, float* y, Index begin, Index end) noexcept {
  const Index first = row - a.pad_h;  // input row
  const bool inside = first >= 0 && first + Rows + 2 <= a.in_h;
  for_columns(begin, end, [&](auto vectors, Index j, Index count) {
    constexpr int kVectors = decltype(vectors)::value;
    const Index column = j - a.pad_w;  // of the input
    const float* p = x + first * a.in_w + column;
    DepthwiseBlock<Rows, kVectors> block(layer);
    if (inside && column >= 0 && column + kVectors * kLanes + 2 <= a.in_w) {
      block.add_rows([&](int u, int v, int t) {
        return Vec::load_unaligned(p + u * a.in_w + v + t * kLanes);
      });
    } else {
      block.add_rows([&](int u, int v, int t) {
        const bool exists = first + u >= 0 && first + u < a.in_h;
        return exists ? load_padded(x + (first + u) * a.in_w, column + v + t * kLanes, a.in_w)
                      : Vec(0.0F);
      });
    }
    block.store(layer, y + j, count);
  });
}

// Rows [row, last] of one plane of which pixels [begin, end) are wanted: the first and the last row
// may be parts. `whole` makes Rows rows at a time, `part` columns of one.
template <class Whole, class Part>
inline void for_depthwise_rows(Index row, Index last, Index out_w, Index begin, Index end,
                               Whole&& whole, Part&& part) noexcept {
  while (row <= last) {
    const Index start = row * out_w, from = begin > start ? begin - start : 0;
    const Index to = end < start + out_w ? end - start : out_w;
    const Index left = from == 0 ? (end - start) / out_w : 0;  // whole rows from here
    const Index rows = last - row + 1 < left ? last - row + 1 : left;
    if (rows >= kDepthRows) {
      whole(Count<kDepthRows>{}, row);
      row += kDepthRows;
    } else if (rows >= 2) {
      whole(Count<2>{}, row);
      row += 2;
    } else {
      part(row++, from, to);
    }
  }
}

// Stride 2: a few output rows at a time, so that their packed input is still in the first-level
// cache.
void depthwise_packed(DepthwiseLayer& layer, const Conv2dGeometry& a, const float* x, float* y,
                      const Conv2dTile& tile) noexcept {
  auto* strip = reinterpret_cast<float*>(tile.scratch);
  const ConvStrip one_row(a, 1);
  const Index fitting = 4096 / (one_row.phases_h * one_row.phases_w * one_row.width);
  const Index band = fitting > kDepthRows ? fitting / kDepthRows * kDepthRows : kDepthRows;
  const Index last = (tile.end - 1) / a.out_w;
  for (Index row = tile.begin / a.out_w; row <= last; row += band) {
    const Index rows = last - row + 1 < band ? last - row + 1 : band;
    const ConvStrip shape(a, rows);
    tap_offsets(a, shape, layer.offset);
    layer.in_pitch = shape.width;
    pack_strip(a, shape, x, 0, row, strip);
    for_depthwise_rows(
        row, row + rows - 1, a.out_w, tile.begin, tile.end,
        [&](auto count, Index r) {
          depthwise_rows<decltype(count)::value>(layer, strip + (r - row) * shape.width,
                                                 y + r * a.out_w, 0, a.out_w);
        },
        [&](Index r, Index from, Index to) {
          depthwise_rows<1>(layer, strip + (r - row) * shape.width, y + r * a.out_w, from, to);
        });
  }
}

void depthwise_conv2d(const Conv2dArgs<float>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index plane = tile.image * a.groups + tile.group;
  const float* x = args.x + plane * args.x_plane();
  float* y = args.y + plane * args.y_plane();
  DepthwiseLayer layer{.offset = {},
                       .in_pitch = a.in_w,
                       .out_w = a.out_w,
                       .w = args.w + tile.group * 9,
                       .b = args.b ? args.b[tile.group] : 0.0F,
                       .slope = args.slope ? args.slope[tile.group] : 1};
  if (a.stride == 2) return depthwise_packed(layer, a, x, y, tile);
  for_depthwise_rows(
      tile.begin / a.out_w, (tile.end - 1) / a.out_w, a.out_w, tile.begin, tile.end,
      [&](auto count, Index row) {
        depthwise_in_place<decltype(count)::value>(layer, a, x, row, y + row * a.out_w, 0, a.out_w);
      },
      [&](Index row, Index from, Index to) {
        depthwise_in_place<1>(layer, a, x, row, y + row * a.out_w, from, to);
      });
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
