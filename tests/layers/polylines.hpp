// Small hierarchies of polylines for the tests of mesh networks.
#pragma once

#include <array>
#include <vector>

#include "layers/mesh_decoder.hpp"
#include "layers/mesh_graph.hpp"

namespace rf::test {

// A polyline of n vertices as degenerate triangles.
inline CsrPair line(Index n) {
  std::vector<std::array<Index, 3>> triangles;
  for (Index i = 0; i + 1 < n; ++i) triangles.push_back({i, i + 1, i + 1});
  return CsrPair(scaled_laplacian(mesh_adjacency(n, triangles)));
}

// Up-sampling that halves its edges: vertex i of n is vertex 2 i of 2 n - 1.
inline CsrMatrix halved(Index n) {
  std::vector<CsrMatrix::Triplet> entries;
  for (Index i = 0; i < 2 * n - 1; ++i) {
    entries.push_back({i, i / 2, 0.5});
    entries.push_back({i, (i + 1) / 2, 0.5});
  }
  return CsrMatrix::from_triplets(2 * n - 1, n, entries);
}

// Three levels of 3, 5 and 9 vertices.
inline std::vector<DecoderLevel> polyline_levels() {
  return {
      {line(3), CsrPair(halved(2))}, {line(5), CsrPair(halved(3))}, {line(9), CsrPair(halved(5))}};
}

}  // namespace rf::test
