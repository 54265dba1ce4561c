// A mesh as a graph: its vertices, and the edges of its triangles. What Chebyshev convolutions and
// vertex normals need of it, as constant sparse matrices.
#pragma once

#include <array>
#include <span>

#include "autograd/var.hpp"
#include "engine/ops/csr.hpp"

namespace rf {

using Triangles = std::span<const std::array<Index, 3>>;

// As the rasterizer reads them: i64 [T, 3].
[[nodiscard]] Tensor triangles_tensor(Triangles triangles);

// [vertices, vertices]: 1 where a triangle has an edge between the two. Throws ShapeError: a corner
// that is no vertex.
[[nodiscard]] CsrMatrix mesh_adjacency(Index vertices, Triangles triangles);

// Which Laplacian. normalised: I - D^(-1/2) A D^(-1/2), with eigenvalues in [0, 2]; unnormalised: D
// - A, as the paper's section 3.2.1 writes it. D holds the sums of A's rows.
enum class Laplacian { normalised, unnormalised };

// 2 L / lambda_max - I, whose eigenvalues lie in [-1, 1] (Defferrard et al. 2016, section 2.1). A:
// symmetric, nothing negative, nothing on the diagonal. lambda_max is 2 for the normalised one,
// else the bound max over edges of D_u + D_v (Anderson and Morley 1985): finding the eigenvalue
// itself would make the layer depend on a convergence. A vertex without edges has 0 (unnormalised:
// -1 on the diagonal). Throws ShapeError: not square.
[[nodiscard]] CsrMatrix scaled_laplacian(const CsrMatrix& adjacency,
                                         Laplacian kind = Laplacian::normalised);

// Unit normals of the vertices of meshes with these triangles (engine/ops/vertex_normals.hpp).
// Throws ShapeError: a corner that is no vertex, another number of vertices.
class VertexNormals {
 public:
  VertexNormals(Index vertices, Triangles triangles);
  [[nodiscard]] ag::Var operator()(const ag::Var& vertices) const;  // [.., V, 3] -> [.., V, 3]

 private:
  Index vertices_;
  Tensor triangles_;  // i64 [T, 3]
};

}  // namespace rf
