#include "engine/ops/csr.hpp"

#include <algorithm>
#include <tuple>
#include <type_traits>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"
#include "engine/ops/run.hpp"

namespace rf {

CsrMatrix::CsrMatrix(Index rows, Index columns, std::vector<Triplet> entries)
    : rows_(rows), columns_(columns), row_begin_(static_cast<std::size_t>(rows) + 1) {
  std::stable_sort(entries.begin(), entries.end(), [](const Triplet& a, const Triplet& b) {
    return std::tie(a.row, a.column) < std::tie(b.row, b.column);
  });
  const Triplet* before = nullptr;
  for (const Triplet& entry : entries) {
    if (before && before->row == entry.row && before->column == entry.column) {
      value_.back() += entry.value;
    } else {
      column_.push_back(entry.column);
      value_.push_back(entry.value);
      ++row_begin_[static_cast<std::size_t>(entry.row) + 1];
    }
    before = &entry;
  }
  for (std::size_t r = 1; r < row_begin_.size(); ++r) row_begin_[r] += row_begin_[r - 1];
}

CsrMatrix CsrMatrix::from_triplets(Index rows, Index columns, std::span<const Triplet> entries) {
  RF_CHECK_SHAPE(rows >= 0 && columns >= 0, "CsrMatrix", "sizes ", rows, " x ", columns,
                 " must not be negative");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Triplet& e = entries[i];
    RF_CHECK_SHAPE(e.row >= 0 && e.row < rows && e.column >= 0 && e.column < columns, "CsrMatrix",
                   "entry ", i, " at row ", e.row, ", column ", e.column, " lies outside ", rows,
                   " x ", columns);
  }
  return {rows, columns, std::vector<Triplet>(entries.begin(), entries.end())};
}

CsrMatrix CsrMatrix::from_arrays(Index rows, Index columns, std::span<const Index> row_begin,
                                 std::span<const Index> column, std::span<const double> value) {
  RF_CHECK_SHAPE(rows >= 0 && row_begin.size() == static_cast<std::size_t>(rows) + 1, "CsrMatrix",
                 "row_begin has ", row_begin.size(), " elements, ", rows, " rows need ", rows + 1);
  RF_CHECK_SHAPE(column.size() == value.size(), "CsrMatrix", column.size(), " columns for ",
                 value.size(), " values");
  RF_CHECK_SHAPE(row_begin.front() == 0 && row_begin.back() == static_cast<Index>(column.size()),
                 "CsrMatrix", "row_begin runs from ", row_begin.front(), " to ", row_begin.back(),
                 ", must from 0 to ", column.size(), ", the number of entries");
  const auto falls = std::is_sorted_until(row_begin.begin(), row_begin.end());
  RF_CHECK_SHAPE(falls == row_begin.end(), "CsrMatrix", "row_begin falls at element ",
                 falls - row_begin.begin());
  std::vector<Triplet> entries;
  entries.reserve(column.size());
  for (Index r = 0; r < rows; ++r) {
    const auto row = static_cast<std::size_t>(r);
    for (auto i = static_cast<std::size_t>(row_begin[row]);
         i < static_cast<std::size_t>(row_begin[row + 1]); ++i) {
      entries.push_back({r, column[i], value[i]});
    }
  }
  return from_triplets(rows, columns, entries);
}

CsrMatrix CsrMatrix::transposed() const {
  std::vector<Triplet> entries;
  entries.reserve(column_.size());
  std::size_t i = 0;
  for (Index r = 0; r < rows_; ++r) {
    const auto end = static_cast<std::size_t>(row_begin_[static_cast<std::size_t>(r) + 1]);
    for (; i < end; ++i) entries.push_back({column_[i], r, value_[i]});
  }
  return {columns_, rows_, std::move(entries)};
}

Tensor csr_matmul(const CsrMatrix& a, const Tensor& x, double factor, const Tensor& minus,
                  const Tensor& plus) {
  check_same_dtype("csr_matmul", {&x});
  const int rank = x.shape().rank();
  RF_CHECK_SHAPE(rank >= 2 && x.shape()[rank - 2] == a.columns(), "csr_matmul", "matrix ",
                 Shape({a.rows(), a.columns()}), " and input ", x.shape(),
                 ": the input must be [.., ", a.columns(), ", F]");
  Tensor y = Tensor::empty(x.shape().with(rank - 2, a.rows()), x.dtype());
  for (const Tensor* other : {&minus, &plus}) {
    if (other->numel() == 0) continue;
    check_same_dtype("csr_matmul", {&x, other});
    RF_CHECK_SHAPE(other->shape() == y.shape(), "csr_matmul", "what is ",
                   other == &minus ? "subtracted, " : "added, ", other->shape(),
                   ", must have the shape of the product, ", y.shape());
  }
  if (y.numel() == 0) return y;
  const Index features = x.shape()[rank - 1];
  const auto run = [&]<class T>(T) {
    const CsrMatmulArgs<T> args{.row_begin = a.row_begin().data(),
                                .column = a.column().data(),
                                .value = a.value().data(),
                                .x = x.data<T>(),
                                .y = y.data<T>(),
                                .rows = a.rows(),
                                .columns = a.columns(),
                                .features = features,
                                .factor = static_cast<T>(factor),
                                .minus = minus.numel() > 0 ? minus.data<T>() : nullptr,
                                .plus = plus.numel() > 0 ? plus.data<T>() : nullptr};
    const Index entries_per_row = static_cast<Index>(a.column().size()) / a.rows();
    for_ranges(y.numel() / features, features * (1 + entries_per_row), [&](Index begin, Index end) {
      if constexpr (std::is_same_v<T, float>)
        kernels().csr_matmul(args, begin, end);
      else
        reference::csr_matmul(args, begin, end);
    });
  };
  if (x.dtype() == DType::f64)
    run(double{});
  else
    run(float{});
  return y;
}

}  // namespace rf
