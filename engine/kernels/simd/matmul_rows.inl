// Products of matrices with rows of b that are short: a block of rows of a at a time meets two
// vectors of columns, whose sums stay in registers. b is laid out first as the block reads it:
// without gaps, the last vector filled with zeros.
namespace rf {
namespace {

constexpr Index kMatmulRows = kLanes == 16 ? 8 : 4;  // sums of two vectors each fit in registers

// The `Vectors` vectors of columns at `packed` for `Rows` rows of a from `row` on; `columns` of
// them are stored.
template <int Rows, int Vectors>
void multiply_rows(const MatmulRowsArgs<float>& m, const float* packed, Index row, Index column,
                   Index columns) noexcept {
  Vec sums[Rows][Vectors];
  for (auto& line : sums) {
    for (Vec& sum : line) sum = Vec(0.0F);
  }
  const float* a = m.a + row * m.a_row;
  for (Index k = 0; k < m.depth; ++k, packed += Vectors * kLanes, a += m.a_depth) {
    Vec b[Vectors];
    for (int v = 0; v < Vectors; ++v) b[v] = Vec::load_aligned(packed + v * kLanes);
    for (int r = 0; r < Rows; ++r) {
      const Vec value(a[r * m.a_row]);
      for (int v = 0; v < Vectors; ++v) sums[r][v] = xsimd::fma(value, b[v], sums[r][v]);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    float* y = m.y + (row + r) * m.columns + column;
    for (int v = 0; v < Vectors; ++v) {
      const Index left = columns - v * kLanes;
      if (left >= kLanes)
        sums[r][v].store_unaligned(y + v * kLanes);
      else if (left > 0)
        store_partial(y + v * kLanes, sums[r][v], left);
    }
  }
}

template <int Vectors>
void multiply_panel(const MatmulRowsArgs<float>& m, const float* packed, Index begin, Index end,
                    Index column, Index columns) noexcept {
  Index row = begin;
  for (; row + kMatmulRows <= end; row += kMatmulRows)
    multiply_rows<static_cast<int>(kMatmulRows), Vectors>(m, packed, row, column, columns);
  for (; row < end; ++row) multiply_rows<1, Vectors>(m, packed, row, column, columns);
}

void matmul_rows(const MatmulRowsArgs<float>& m, Index begin, Index end, float* packed) noexcept {
  for (Index column = 0; column < m.columns; column += 2 * kLanes) {
    const Index left = m.columns - column, columns = left < 2 * kLanes ? left : 2 * kLanes;
    const Index vectors = columns > kLanes ? 2 : 1;
    for (Index k = 0; k < m.depth; ++k) {
      const float* b = m.b + k * m.columns + column;
      for (Index v = 0; v < vectors; ++v) {
        const Index rest = columns - v * kLanes;
        (rest >= kLanes ? Vec::load_unaligned(b + v * kLanes) : load_partial(b + v * kLanes, rest))
            .store_aligned(packed + (k * vectors + v) * kLanes);
      }
    }
    if (vectors == 2)
      multiply_panel<2>(m, packed, begin, end, column, columns);
    else
      multiply_panel<1>(m, packed, begin, end, column, columns);
  }
}

}  // namespace
}  // namespace rf
