#include "engine/ops/upsample_nearest.hpp"

#include <cstring>
#include <vector>

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

// Where output position i of an axis comes from.
Index source(Index i, Index in, Index out) { return i * in / out; }

// first[p] is the first output position that comes from input position p or above: those from p
// alone are [first[p], first[p + 1]).
std::vector<Index> first_outputs(Index in, Index out) {
  std::vector<Index> first(static_cast<std::size_t>(in) + 1);
  for (Index p = 0; p <= in; ++p) first[static_cast<std::size_t>(p)] = ceil_div(p * out, in);
  return first;
}

// Output rows [begin, end), a row being plane * out_h + i. `columns` are the input columns of an
// output row.
template <Index Size>
void copy_rows(const std::byte* x, const Shape& in, std::byte* y, const Shape& out,
               const std::vector<Index>& columns, Index begin, Index end) {
  const Index in_row = in[3] * Size, out_row = out[3] * Size;
  Index copied = -1;  // input row of the output row before
  for (Index row = begin; row < end; ++row) {
    const Index wanted = row / out[2] * in[2] + source(row % out[2], in[2], out[2]);
    std::byte* to = y + row * out_row;
    if (wanted == copied) {
      std::memcpy(to, to - out_row, static_cast<std::size_t>(out_row));
      continue;
    }
    const std::byte* from = x + wanted * in_row;
    for (const Index column : columns) {
      std::memcpy(to, from + column * Size, Size);
      to += Size;
    }
    copied = wanted;
  }
}

template <class T>
void run_grad(const Tensor& gy, Tensor& gx) {
  const Shape &in = gx.shape(), &out = gy.shape();
  const std::vector<Index> rows = first_outputs(in[2], out[2]),
                           columns = first_outputs(in[3], out[3]);
  const UpsampleNearestGradArgs<T> args{.gy = gy.data<T>(),
                                        .gx = gx.data<T>(),
                                        .in_h = in[2],
                                        .in_w = in[3],
                                        .out_h = out[2],
                                        .out_w = out[3],
                                        .rows = rows.data(),
                                        .columns = columns.data()};
  const Index per_row = in[3] + out[3] * ceil_div(out[2], in[2]);
  for_ranges(in[0] * in[1] * in[2], per_row,
             [&](Index begin, Index end) { reference::upsample_nearest_grad(args, begin, end); });
}

}  // namespace

Shape upsample_nearest_out_shape(const Shape& x, const UpsampleNearestParams& p) {
  RF_CHECK_SHAPE(x.rank() == 4 && x[2] >= 1 && x[3] >= 1, "upsample_nearest", "input ", x,
                 " must be [N, C, H, W] with H and W of at least 1");
  RF_CHECK_SHAPE(p.out_h >= 1 && p.out_w >= 1, "upsample_nearest", "size ", p.out_h, " x ", p.out_w,
                 " must be at least 1 x 1");
  (void)checked_mul(x[2], p.out_h);  // the rule multiplies them
  (void)checked_mul(x[3], p.out_w);
  return {x[0], x[1], p.out_h, p.out_w};
}

Tensor upsample_nearest(const Tensor& x, const UpsampleNearestParams& params) {
  const Shape in = x.shape(), out = upsample_nearest_out_shape(in, params);
  Tensor y = Tensor::empty(out, x.dtype());
  if (y.numel() == 0) return y;
  std::vector<Index> columns(static_cast<std::size_t>(out[3]));
  for (Index j = 0; j < out[3]; ++j)
    columns[static_cast<std::size_t>(j)] = source(j, in[3], out[3]);
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  with_element_size(x.dtype(), [&](auto size) {
    for_ranges(out[0] * out[1] * out[2], out[3], [&](Index begin, Index end) {
      copy_rows<size()>(from, in, to, out, columns, begin, end);
    });
  });
  return y;
}

Tensor upsample_nearest_grad(const Tensor& gy, const Shape& x) {
  check_same_dtype("upsample_nearest gradient", {&gy});
  const Shape& y = gy.shape();
  RF_CHECK_SHAPE(y.rank() == 4 && upsample_nearest_out_shape(x, {y[2], y[3]}) == y,
                 "upsample_nearest gradient", "dL/dy is ", y, ", the input was ", x);
  Tensor gx = Tensor::empty(x, gy.dtype());
  if (gx.numel() == 0) return gx;
  if (gy.dtype() == DType::f64)
    run_grad<double>(gy, gx);
  else
    run_grad<float>(gy, gx);
  return gx;
}

}  // namespace rf
