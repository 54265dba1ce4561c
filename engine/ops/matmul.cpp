// A matrix product is a convolution with a 1x1 kernel: columns of b are pixels, rows of b are input
// channels, rows of a are output channels. So the kernels of conv2d multiply matrices; here the
// product is cut into blocks for them. They like long rows; where b has short ones a kernel of its
// own multiplies (matmul_rows), which also reads a by columns.
#include "engine/ops/matmul.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/permute.hpp"
#include "engine/ops/run.hpp"
#include "engine/ops/sum.hpp"

namespace rf {

namespace {

// One kernel call multiplies at most kRows x kDepth of a with kDepth x kColumns of b: 192 KiB of b,
// which stay in a second-level cache while all rows pass over them.
constexpr Index kRows = 64, kDepth = 256, kColumns = 192;

// Rows of b up to here are short; their sums are cut into parts of this length. Measured with
// AVX-512 on the products of a mesh decoder.
constexpr Index kShortRows = 512, kPart = 512;

// `count` products of [rows, depth] and [depth, columns].
struct Sizes {
  Index count, rows, depth, columns;
};

Conv2dGeometry block_geometry(const Sizes& s, Index rows, Index depth, Index column,
                              Index columns) {
  return {.groups = 1,
          .in_channels = depth,
          .out_channels = rows,
          .in_h = 1,
          .in_w = s.columns,
          .out_h = 1,
          .out_w = columns,
          .kernel_h = 1,
          .kernel_w = 1,
          .stride = 1,
          .pad_h = 0,
          .pad_w = -column,
          .dilation = 1};
}

// A block of y as the sum over k in [k_begin, k_end), kDepth at a time.
struct Block {
  Index row, rows, column, columns, k_begin, k_end;
};

template <class T, class Kernel>
void multiply_block(const T* a, const T* b, T* y, const Sizes& s, const Block& block, Kernel kernel,
                    std::byte* scratch) noexcept {
  T* product = reinterpret_cast<T*>(scratch);
  T* packed = product + kRows * kColumns;
  auto* kernel_scratch = reinterpret_cast<std::byte*>(packed + kRows * kDepth);
  for (Index k = block.k_begin; k < block.k_end; k += kDepth) {
    const Index depth = std::min(kDepth, block.k_end - k);
    const T* w = a + block.row * s.depth;
    if (depth < s.depth) {
      for (Index r = 0; r < block.rows; ++r)
        std::copy_n(w + r * s.depth + k, depth, packed + r * depth);
      w = packed;
    }
    kernel(
        Conv2dArgs<T>{
            .x = b + k * s.columns,
            .w = w,
            .b = nullptr,
            .y = product,
            .geometry = block_geometry(s, block.rows, depth, block.column, block.columns)},
        Conv2dTile{
            .image = 0, .group = 0, .begin = 0, .end = block.columns, .scratch = kernel_scratch});
    for (Index r = 0; r < block.rows; ++r) {
      T* to = y + (block.row + r) * s.columns + block.column;
      const T* from = product + r * block.columns;
      if (k == block.k_begin)
        std::copy_n(from, block.columns, to);
      else
        for (Index c = 0; c < block.columns; ++c) to[c] += from[c];
    }
  }
}

// A long sum with few results (the gradient of a weight) is cut into parts, so that threads share
// it; how many is a matter of shapes alone.
template <class T, class Kernel>
Tensor multiply_all(const Tensor& a, const Tensor& b, const Sizes& s, std::size_t scratch_bytes,
                    Kernel kernel) {
  constexpr Index kChunks = 16, kPartDepth = 8 * kDepth;
  const Index row_blocks = ceil_div(s.rows, kRows), column_blocks = ceil_div(s.columns, kColumns);
  const Index blocks = row_blocks * column_blocks, chunks = s.count * blocks;
  const Index wanted = chunks >= kChunks ? 1 : std::clamp<Index>(s.depth / kPartDepth, 1, kChunks);
  const Index part_depth = ceil_div(ceil_div(s.depth, wanted), kDepth) * kDepth;
  const Index parts = ceil_div(s.depth, part_depth);
  Tensor partial = Tensor::empty({parts, s.count, s.rows, s.columns}, a.dtype());
  const T *a_data = a.data<T>(), *b_data = b.data<T>();
  T* y_data = partial.data<T>();
  const std::size_t bytes = scratch_bytes + sizeof(T) * kRows * (kColumns + kDepth);
  parallel_for(parts * chunks, bytes, [&](Index chunk, std::byte* scratch) {
    const Index part = chunk / chunks, product = chunk / blocks % s.count;
    const Index row = chunk / column_blocks % row_blocks * kRows;
    const Index column = chunk % column_blocks * kColumns;
    multiply_block(a_data + product * s.rows * s.depth, b_data + product * s.depth * s.columns,
                   y_data + (part * s.count + product) * s.rows * s.columns, s,
                   Block{.row = row,
                         .rows = std::min(kRows, s.rows - row),
                         .column = column,
                         .columns = std::min(kColumns, s.columns - column),
                         .k_begin = part * part_depth,
                         .k_end = std::min((part + 1) * part_depth, s.depth)},
                   kernel, scratch);
  });
  return parts == 1 ? partial : sum(partial, std::array{0});
}

// Whether a holds its rows one after the other, or its columns.
enum class Stored { rows, columns };

// One product with short rows of b. The sum is cut into parts of kPart (their order is a matter of
// shapes alone): what a chunk lays out of b then stays in a first-level cache, and threads share a
// long sum with few results.
Tensor multiply_short(const Tensor& a, Stored stored, const Tensor& b, const Sizes& s) {
  constexpr Index kRowsOfChunk = 128;
  const Index parts = ceil_div(s.depth, kPart), row_chunks = ceil_div(s.rows, kRowsOfChunk);
  Tensor partial = Tensor::empty({parts, s.rows, s.columns});
  const float *a_data = a.data<float>(), *b_data = b.data<float>();
  float* y_data = partial.data<float>();
  const auto kernel = kernels().matmul_rows;
  const Index a_row = stored == Stored::rows ? s.depth : 1,
              a_depth = stored == Stored::rows ? 1 : s.rows;
  const std::size_t scratch = sizeof(float) * matmul_rows_scratch(kPart);
  parallel_for(parts * row_chunks, scratch, [&](Index chunk, std::byte* memory) {
    const Index part = chunk / row_chunks, k = part * kPart,
                row = chunk % row_chunks * kRowsOfChunk;
    kernel({.a = a_data + k * a_depth,
            .b = b_data + k * s.columns,
            .y = y_data + part * s.rows * s.columns,
            .a_row = a_row,
            .a_depth = a_depth,
            .depth = std::min(kPart, s.depth - k),
            .columns = s.columns},
           row, std::min(row + kRowsOfChunk, s.rows), reinterpret_cast<float*>(memory));
  });
  return parts == 1 ? partial : sum(partial, std::array{0});
}

// Parts of a sum are held at once, so a long one must have few results.
bool has_short_rows(const Sizes& s) {
  constexpr Index kLeastRows = 8, kMostOfParts = 4096;
  return s.count == 1 && s.columns <= kShortRows && s.rows >= kLeastRows &&
         (s.depth <= kPart || s.rows <= kMostOfParts);
}

}  // namespace

Shape matmul_out_shape(const Shape& a, const Shape& b) {
  const int rank = a.rank();
  bool fits = rank >= 2 && (b.rank() == rank || b.rank() == 2) && a[rank - 1] == b[b.rank() - 2];
  for (int axis = 0; fits && b.rank() > 2 && axis < rank - 2; ++axis) fits = a[axis] == b[axis];
  RF_CHECK_SHAPE(fits, "matmul", "shapes ", a, " and ", b,
                 " must be [.., M, K] and [.., K, N] with the same leading axes, or [.., M, K] and "
                 "[K, N]");
  return a.with(rank - 1, b[b.rank() - 1]);
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  const Shape out = matmul_out_shape(a.shape(), b.shape());
  check_same_dtype("matmul", {&a, &b});
  const int rank = out.rank();
  const Index depth = a.shape()[rank - 1], columns = out[rank - 1];
  if (out.numel() == 0 || depth == 0) return Tensor::zeros(out, a.dtype());
  // One matrix b for all of a: then a is one tall matrix.
  const Index rows = b.shape().rank() == 2 ? out.numel() / columns : out[rank - 2];
  const Sizes sizes{out.numel() / (rows * columns), rows, depth, columns};
  if (a.dtype() == DType::f64)
    return multiply_all<double>(a, b, sizes, 0, reference::conv2d<double>).reshaped(out);
  if (has_short_rows(sizes)) return multiply_short(a, Stored::rows, b, sizes).reshaped(out);
  const Index pixels = std::min(kColumns, columns);
  const std::size_t scratch = kernels().conv2d_scratch_bytes(
      block_geometry(sizes, std::min(kRows, rows), std::min(kDepth, depth), 0, pixels), pixels);
  return multiply_all<float>(a, b, sizes, scratch, kernels().conv2d).reshaped(out);
}

Tensor matmul_transposed(const Tensor& a, const Tensor& b) {
  const Shape &as = a.shape(), &bs = b.shape();
  RF_CHECK_SHAPE(as.rank() == 2 && bs.rank() == 2 && as[0] == bs[0], "matmul_transposed", "shapes ",
                 as, " and ", bs, " must be [K, M] and [K, N]");
  check_same_dtype("matmul_transposed", {&a, &b});
  const Sizes sizes{1, as[1], as[0], bs[1]};
  const Shape out{sizes.rows, sizes.columns};
  if (out.numel() == 0 || sizes.depth == 0) return Tensor::zeros(out, a.dtype());
  if (a.dtype() == DType::f32 && has_short_rows(sizes))
    return multiply_short(a, Stored::columns, b, sizes).reshaped(out);
  return matmul(permute(a, std::array{1, 0}), b);
}

}  // namespace rf
