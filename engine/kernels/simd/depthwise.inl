// Depthwise 3x3 convolution, stride 1 or 2: one channel in, one out, so that nothing but the nine
// taps shares what is loaded. Rows are packed as in conv2d.inl; a block of outputs a few rows high
// then uses each loaded vector for up to three rows.
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
  const Index* offset;  // of the nine taps in the strip
  Index width, out_w;   // row pitch of the strip and of the output
  Index stride;
  const float* w;
  float b;
  float slope;  // of the activation; 1: none
};

// Rows x Vectors vectors of outputs, the first at y, its strip position at `strip`. The last
// `count` lanes alone are stored when `count` is less than kLanes.
template <int Rows, int Vectors>
void depthwise_block(const DepthwiseLayer& layer, const float* strip, float* y,
                     Index count) noexcept {
  Vec acc[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int t = 0; t < Vectors; ++t) acc[r][t] = Vec(layer.b);
  }
  Vec w[9];
#pragma GCC unroll 16
  for (int tap = 0; tap < 9; ++tap) w[tap] = Vec(layer.w[tap]);
  if (layer.stride == 1) {  // input row u serves output rows u - 2 .. u
#pragma GCC unroll 16
    for (int u = 0; u < Rows + 2; ++u) {
#pragma GCC unroll 16
      for (int v = 0; v < 3; ++v) {
#pragma GCC unroll 16
        for (int t = 0; t < Vectors; ++t) {
          const Vec x = Vec::load_unaligned(strip + u * layer.width + v + t * kLanes);
#pragma GCC unroll 16
          for (int r = 0; r < Rows; ++r) {
            if (u >= r && u - r < 3) acc[r][t] = xsimd::fma(w[(u - r) * 3 + v], x, acc[r][t]);
          }
        }
      }
    }
  } else {
#pragma GCC unroll 16
    for (int tap = 0; tap < 9; ++tap) {
      const float* p = strip + layer.offset[tap];
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < Vectors; ++t) {
          const Vec x = Vec::load_unaligned(p + r * layer.width + t * kLanes);
          acc[r][t] = xsimd::fma(w[tap], x, acc[r][t]);
        }
      }
    }
  }
  if (layer.slope != 1) {
    const Vec slope(layer.slope);
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

// Columns [begin, end) of Rows output rows.
template <int Rows>
void depthwise_rows(const DepthwiseLayer& layer, const float* strip, float* y, Index begin,
                    Index end) noexcept {
  Index j = begin;
  for (; j + kDepthVectors * kLanes <= end; j += kDepthVectors * kLanes) {
    depthwise_block<Rows, kDepthVectors>(layer, strip + j, y + j, kLanes);
  }
  for (; j + kLanes <= end; j += kLanes) depthwise_block<Rows, 1>(layer, strip + j, y + j, kLanes);
  if (j == end) return;
  if (end - begin >= kLanes) {  // a whole vector again, over some of the values just stored
    depthwise_block<Rows, 1>(layer, strip + end - kLanes, y + end - kLanes, kLanes);
  } else {
    depthwise_block<Rows, 1>(layer, strip + j, y + j, end - j);
  }
}

// A few output rows at a time, so that their packed input is still in the first-level cache.
void depthwise_conv2d(const Conv2dArgs<float>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index plane = tile.image * a.groups + tile.group;
  const float* x = args.x + plane * args.x_plane();
  float* y = args.y + plane * args.y_plane();
  const ConvStrip one_row(a, 1);
  const Index fitting = 4096 / (one_row.phases_h * one_row.phases_w * one_row.width);
  const Index band = fitting > kDepthRows ? fitting / kDepthRows * kDepthRows : kDepthRows;
  const Index last = (tile.end - 1) / a.out_w;
  for (Index row = tile.begin / a.out_w; row <= last; row += band) {
    const Index rows = last - row + 1 < band ? last - row + 1 : band;
    const ConvStrip shape(a, rows);
    Index offset[9];
    tap_offsets(a, shape, offset);
    auto* strip = reinterpret_cast<float*>(tile.scratch);
    pack_strip(a, shape, x, 0, row, strip);
    const DepthwiseLayer layer{.offset = offset,
                               .width = shape.width,
                               .out_w = a.out_w,
                               .stride = a.stride,
                               .w = args.w + tile.group * 9,
                               .b = args.b ? args.b[tile.group] : 0.0F,
                               .slope = args.slope};
    for (Index r = 0; r < rows;) {
      // The first and the last row may be parts of rows.
      const Index start = (row + r) * a.out_w;
      const Index from = tile.begin > start ? tile.begin - start : 0;
      const Index to = tile.end < start + a.out_w ? tile.end - start : a.out_w;
      const bool whole =
          from == 0 && r + kDepthRows <= rows && start + kDepthRows * a.out_w <= tile.end;
      if (whole) {
        depthwise_rows<kDepthRows>(layer, strip + r * shape.width, y + start, 0, a.out_w);
        r += kDepthRows;
      } else {
        depthwise_rows<1>(layer, strip + r * shape.width, y + start, from, to);
        ++r;
      }
    }
  }
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
