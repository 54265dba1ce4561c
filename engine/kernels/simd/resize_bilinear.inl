// Bilinear interpolation, separable: the two input rows are mixed with vectors into a short line on
// the stack, then pairs of its columns are mixed. A tile of output columns is walked down all rows
// of the call, so that column positions are computed once per tile.
namespace rf {
namespace {

constexpr Index kResizeLine = 512;     // input columns of one tile
constexpr Index kResizeColumns = 256;  // output columns of one tile, at most

// Output position i of an axis mixes positions first and second, with this share of the second.
struct ResizeMix {
  Index first, second;
  float share;
};

inline ResizeMix resize_mix(Index i, Index in, Index out) {
  const double centre =
      (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
  const double s = centre > 0 ? centre : 0;
  Index first = static_cast<Index>(s);
  if (first > in - 1) first = in - 1;
  return {first, first < in - 1 ? first + 1 : first,
          static_cast<float>(s - static_cast<double>(first))};
}

// line = upper + share (lower - upper), written so that share = 0 and 1 give the rows themselves.
void mix_rows(const float* upper, const float* lower, float share, Index count,
              float* line) noexcept {
  const Vec down(share), up(1 - share);
  Index c = 0;
  for (; c + kLanes <= count; c += kLanes) {
    xsimd::fma(down, Vec::load_unaligned(lower + c), up * Vec::load_unaligned(upper + c))
        .store_unaligned(line + c);
  }
  if (const Index rest = count - c; rest > 0) {
    store_partial(
        line + c,
        xsimd::fma(down, load_partial(lower + c, rest), up * load_partial(upper + c, rest)), rest);
  }
}

void resize_bilinear(const ResizeBilinearArgs<float>& a, Index begin, Index end) noexcept {
  float line[kResizeLine], share[kResizeColumns];
  std::int32_t first[kResizeColumns],
      second[kResizeColumns];  // counted from the tile's first input column
  // step - 1 output columns are (step - 1) in_w / out_w input columns apart; 3 more for both ends
  // and rounding.
  Index step = a.in_w <= kResizeLine ? kResizeColumns : (kResizeLine - 3) * a.out_w / a.in_w;
  if (step > kResizeColumns) step = kResizeColumns;
  if (step < 1) step = 1;
  for (Index j0 = 0; j0 < a.out_w; j0 += step) {
    const Index count = a.out_w - j0 < step ? a.out_w - j0 : step;
    const Index left = resize_mix(j0, a.in_w, a.out_w).first;
    const Index width = resize_mix(j0 + count - 1, a.in_w, a.out_w).second + 1 - left;
    for (Index t = 0; t < count; ++t) {
      const ResizeMix column = resize_mix(j0 + t, a.in_w, a.out_w);
      first[t] = static_cast<std::int32_t>(column.first - left);
      second[t] = static_cast<std::int32_t>(column.second - left);
      share[t] = column.share;
    }
    for (Index unit = begin; unit < end; ++unit) {
      const ResizeMix row = resize_mix(unit % a.out_h, a.in_h, a.out_h);
      const float* x = a.x + unit / a.out_h * a.in_h * a.in_w + left;
      mix_rows(x + row.first * a.in_w, x + row.second * a.in_w, row.share, width, line);
      float* y = a.y + unit * a.out_w + j0;
      for (Index t = 0; t < count; ++t)
        y[t] = (1 - share[t]) * line[first[t]] + share[t] * line[second[t]];
    }
  }
}

}  // namespace
}  // namespace rf
