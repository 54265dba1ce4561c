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

// [triangles, vertices]: corner `c` less corner 0.
CsrMatrix along_edge(Index vertices, Triangles triangles, std::size_t c) {
  check_corners(vertices, triangles);
  Triplets entries;
  for (std::size_t t = 0; t < triangles.size(); ++t) {
    entries.push_back({static_cast<Index>(t), triangles[t][c], 1});
    entries.push_back({static_cast<Index>(t), triangles[t][0], -1});
  }
  return CsrMatrix::from_triplets(static_cast<Index>(triangles.size()), vertices, entries);
}

CsrMatrix by_vertices(Index vertices, Triangles triangles) {
  check_corners(vertices, triangles);
  Triplets entries;
  for (std::size_t t = 0; t < triangles.size(); ++t) {
    for (const Index v : triangles[t]) entries.push_back({v, static_cast<Index>(t), 1});
  }
  return CsrMatrix::from_triplets(vertices, static_cast<Index>(triangles.size()), entries);
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
    : along_a_(along_edge(vertices, triangles, 1)),
      along_b_(along_edge(vertices, triangles, 2)),
      to_vertices_(by_vertices(vertices, triangles)) {}

ag::Var VertexNormals::operator()(const ag::Var& vertices) const {
  const ag::Var large =
      ag::cross(ag::csr_matmul(along_a_, vertices), ag::csr_matmul(along_b_, vertices));
  return ag::normalize(ag::csr_matmul(to_vertices_, large));
}

}  // namespace rf
