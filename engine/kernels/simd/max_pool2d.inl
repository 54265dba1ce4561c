// Max pooling, separable: the maximum over the window's rows with vectors along the input row, kept
// in a short line on the stack, then the maximum over the window's columns from that line.
namespace rf {
namespace {

constexpr Index kPoolLine = 512;  // input columns of one line

// The greater of two, or a NaN if there is one. Not x != x: xsimd 8.1 compares so that a NaN gives
// false on AVX.
inline Vec max_or_nan(Vec best, Vec x) {
  return xsimd::select((x > best) || xsimd::isnan(x), x, best);
}

// line[c] = max over rows [row_begin, row_end) of x[row][c], c < count.
void max_of_rows(const float* x, Index in_w, Index row_begin, Index row_end, Index count,
                 float* line) noexcept {
  const Vec lowest(-__builtin_inff());
  Index c = 0;
  for (; c + kLanes <= count; c += kLanes) {
    Vec best = lowest;
    for (Index row = row_begin; row < row_end; ++row)
      best = max_or_nan(best, Vec::load_unaligned(x + row * in_w + c));
    best.store_unaligned(line + c);
  }
  if (const Index rest = count - c; rest > 0) {
    Vec best = lowest;
    for (Index row = row_begin; row < row_end; ++row)
      best = max_or_nan(best, load_partial(x + row * in_w + c, rest));
    store_partial(line + c, best, rest);
  }
}

// y[j] = the maximum of window j over `line`, for the kLanes windows that begin at `line`, `Stride`
// columns apart; reads Stride vectors for each column of the window.
template <int Stride>
inline Vec max_of_windows(const float* line, Index kernel) noexcept {
  Vec best(-__builtin_inff());
  for (Index u = 0; u < kernel; ++u) {
    Vec x = Vec::load_unaligned(line + u);
    if constexpr (Stride == 2) {
      Vec odd;
      unzip(Vec(x), Vec::load_unaligned(line + u + kLanes), x, odd);
    }
    best = max_or_nan(best, x);
  }
  return best;
}

struct Interval {
  Index begin, end;
};

// [begin, end) cut to [low, high).
inline Interval cut(Index begin, Index end, Index low, Index high) {
  return {begin > low ? begin : low, end < high ? end : high};
}

void max_pool2d(const MaxPool2dArgs<float>& a, Index begin, Index end) noexcept {
  float line[kPoolLine + kLanes] = {};  // vectors may reach past the last column, unused
  // Outputs whose windows fit into one line; a window wider than a line is taken in pieces, alone.
  const Index step = a.kernel < kPoolLine ? (kPoolLine - a.kernel) / a.stride + 1 : 1;
  for (Index unit = begin; unit < end; ++unit) {
    const float* x = a.x + unit / a.out_h * a.in_h * a.in_w;
    float* y = a.y + unit * a.out_w;
    const Index top = unit % a.out_h * a.stride - a.pad;
    const Interval rows = cut(top, top + a.kernel, 0, a.in_h);
    for (Index j0 = 0; j0 < a.out_w; j0 += step) {
      const Index j1 = j0 + step < a.out_w ? j0 + step : a.out_w;
      const Interval span =
          cut(j0 * a.stride - a.pad, (j1 - 1) * a.stride - a.pad + a.kernel, 0, a.in_w);
      for (Index j = j0; j < j1; ++j) y[j] = -__builtin_inff();
      for (Index c0 = span.begin; c0 < span.end; c0 += kPoolLine) {
        const Index c1 = c0 + kPoolLine < span.end ? c0 + kPoolLine : span.end;
        max_of_rows(x + c0, a.in_w, rows.begin, rows.end, c1 - c0, line);
        for (Index j = j0; j < j1; ++j) {
          const Index left = j * a.stride - a.pad;
          const bool inside = left >= c0 && left + (kLanes - 1) * a.stride + a.kernel <= c1;
          if (inside && a.stride <= 2 && j + kLanes <= j1) {
            const float* from = line + left - c0;
            (a.stride == 1 ? max_of_windows<1>(from, a.kernel) : max_of_windows<2>(from, a.kernel))
                .store_unaligned(y + j);
            j += kLanes - 1;
            continue;
          }
          const Interval columns = cut(left, left + a.kernel, c0, c1);
          float best = y[j];
          for (Index c = columns.begin; c < columns.end; ++c) {
            const float value = line[c - c0];
            if (value > best || value != value) best = value;
          }
          y[j] = best;
        }
      }
    }
  }
}

}  // namespace
}  // namespace rf
