// Eigenvalues and eigenvectors of a small symmetric matrix.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct SymmetricEigen {
  Tensor values;   // f64 [n], falling
  Tensor vectors;  // f64 [n, n]: row i belongs to values[i], has length 1 and a positive largest
                   // element
};

// By Jacobi's rotations (1846), row by row of the upper triangle, of which alone it reads; O(n^3) a
// sweep and about ten sweeps, so meant for a few hundred rows. The same bits on every machine. a:
// f64 [n, n]. Throws ShapeError: another type or shape, elements that are not finite.
[[nodiscard]] SymmetricEigen symmetric_eigen(const Tensor& a);

}  // namespace rf
