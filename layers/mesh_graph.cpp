#include "layers/mesh_graph.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

namespace {

using Triplets = std::vector<CsrMatrix::Triplet>;

void check_corners(Index vertices, Triangles triangles) {
  for (std::size_t t = 0; t < triangles.size(); ++t) {
    for (const Index v : triangles[t]) {
      RF_CHECK_SHAPE(v >= 0 && v < vertices, "mesh", "triangle ", t, " has vertex ", v, " of ",
                     vertices);
    }
  }
}

}  // namespace

Tensor triangles_tensor(Triangles triangles) {
  Tensor t = Tensor::empty({static_cast<Index>(triangles.size()), 3}, DType::i64);
  Index* to = t.data<Index>();
  for (const auto& corners : triangles) to = std::ranges::copy(corners, to).out;
  return t;
}

CsrMatrix mesh_adjacency(Index vertices, Triangles triangles) {
  check_corners(vertices, triangles);
  std::vector<std::pair<Index, Index>> edges;
  for (const auto& triangle : triangles) {
    for (std::size_t i = 0; i < 3; ++i) {
      const Index a = triangle[i], b = triangle[(i + 1) % 3];
      if (a != b) edges.emplace_back(a, b), edges.emplace_back(b, a);
    }
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  Triplets entries;
  entries.reserve(edges.size());
  for (const auto& [a, b] : edges) entries.push_back({a, b, 1});
  return CsrMatrix::from_triplets(vertices, vertices, entries);
}

CsrMatrix scaled_laplacian(const CsrMatrix& a, Laplacian kind) {
  RF_CHECK_SHAPE(a.rows() == a.columns(), "scaled_laplacian", "adjacency of ", a.rows(), " x ",
                 a.columns(), " must be square");
  std::vector<double> degree(static_cast<std::size_t>(a.rows()));
  const auto for_each_edge = [&](auto&& run) {
    std::size_t e = 0;
    for (std::size_t r = 0; r < degree.size(); ++r) {
      for (const auto end = static_cast<std::size_t>(a.row_begin()[r + 1]); e < end; ++e)
        run(r, static_cast<std::size_t>(a.column()[e]), a.value()[e]);
    }
  };
  for_each_edge([&](std::size_t r, std::size_t, double value) { degree[r] += value; });
  Triplets entries;
  if (kind == Laplacian::normalised) {
    for_each_edge([&](std::size_t r, std::size_t c, double value) {
      entries.push_back({static_cast<Index>(r), static_cast<Index>(c),
                         -value / std::sqrt(degree[r] * degree[c])});
    });
  } else {
    double most = 0;
    for_each_edge([&](std::size_t r, std::size_t c, double) {
      most = std::max(most, degree[r] + degree[c]);
    });
    const double factor = most > 0 ? 2 / most : 0;
    for_each_edge([&](std::size_t r, std::size_t c, double value) {
      entries.push_back({static_cast<Index>(r), static_cast<Index>(c), -factor * value});
    });
    for (std::size_t r = 0; r < degree.size(); ++r)
      entries.push_back({static_cast<Index>(r), static_cast<Index>(r), factor * degree[r] - 1});
  }
  return CsrMatrix::from_triplets(a.rows(), a.rows(), entries);
}

VertexNormals::VertexNormals(Index vertices, Triangles triangles)
    : vertices_(vertices), triangles_(triangles_tensor(triangles)) {
  check_corners(vertices, triangles);
}

ag::Var VertexNormals::operator()(const ag::Var& vertices) const {
  const Shape& shape = vertices.shape();
  const int rank = shape.rank();
  RF_CHECK_SHAPE(rank >= 2 && shape[rank - 2] == vertices_ && shape[rank - 1] == 3,
                 "vertex normals", "vertices ", shape, " must be [.., ", vertices_, ", 3]");
  if (rank == 3) return ag::vertex_normals(vertices, triangles_);
  Index meshes = 1;
  for (int i = 0; i < rank - 2; ++i) meshes *= shape[i];
  const ag::Var rows = ag::reshape(vertices, {meshes, vertices_, 3});
  return ag::reshape(ag::vertex_normals(rows, triangles_), shape);
}

}  // namespace rf
