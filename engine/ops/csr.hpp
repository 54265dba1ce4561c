// Sparse matrices by rows (compressed sparse rows), and their product with dense tensors. They are
// constants: the Laplacians and the down- and up-sampling of a mesh.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/tensor.hpp"

namespace rf {

// Row r holds the entries row_begin[r] .. row_begin[r + 1] - 1: their columns, ascending, each at
// most once, and their values.
class CsrMatrix {
 public:
  struct Triplet {
    Index row, column;
    double value;
  };

  // Entries in any order; values at the same place are added up in the order given. Throws
  // ShapeError: a negative size, or an entry outside the matrix.
  [[nodiscard]] static CsrMatrix from_triplets(Index rows, Index columns,
                                               std::span<const Triplet> entries);

  // Arrays as scipy.sparse.csr_matrix has them, columns of a row in any order. Throws ShapeError:
  // lengths that do not fit, row_begin that does not rise from 0 to the number of entries, a column
  // outside the matrix.
  [[nodiscard]] static CsrMatrix from_arrays(Index rows, Index columns,
                                             std::span<const Index> row_begin,
                                             std::span<const Index> column,
                                             std::span<const double> value);

  [[nodiscard]] CsrMatrix transposed() const;

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index columns() const { return columns_; }
  [[nodiscard]] std::span<const Index> row_begin() const { return row_begin_; }
  [[nodiscard]] std::span<const Index> column() const { return column_; }
  [[nodiscard]] std::span<const double> value() const { return value_; }

 private:
  CsrMatrix(Index rows, Index columns, std::vector<Triplet> entries);

  Index rows_, columns_;
  std::vector<Index> row_begin_, column_;
  std::vector<double> value_;
};

// A matrix and its transpose: what a product and its gradient need. Copies share both.
struct CsrPair {
  std::shared_ptr<const CsrMatrix> matrix, transpose;
  explicit CsrPair(CsrMatrix m)
      : matrix(std::make_shared<const CsrMatrix>(std::move(m))),
        transpose(std::make_shared<const CsrMatrix>(matrix->transposed())) {}
};

// y[.., r, f] = factor sum_c a[r, c] x[.., c, f] - minus[.., r, f] + plus[.., r, f]. x [..,
// columns, F], f32 or f64, rank at least 2 -> [.., rows, F]; minus and plus have y's shape, or no
// elements: 0. The values of `a` are rounded to x's type. Throws ShapeError.
[[nodiscard]] Tensor csr_matmul(const CsrMatrix& a, const Tensor& x, double factor = 1,
                                const Tensor& minus = {}, const Tensor& plus = {});

}  // namespace rf
