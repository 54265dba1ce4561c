// The topology of a mesh while edges collapse: which triangles meet at a vertex, and which
// collapses leave the surface what it is.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

class CollapsibleMesh {
 public:
  // Triangles that name a vertex twice are left out. Requires indices from 0 to vertices - 1.
  CollapsibleMesh(Index vertices, std::span<const std::array<Index, 3>> triangles);

  // A vertex beside another, and how many triangles hold both.
  struct Neighbour {
    Index vertex, triangles;
  };

  // The neighbours of a vertex, ascending; none of a vertex that was removed or is isolated.
  [[nodiscard]] std::vector<Neighbour> ring(Index vertex) const;

  // Rows of the triangles at a vertex, ascending; and the vertices of one of them.
  [[nodiscard]] std::span<const Index> star(Index vertex) const {
    return stars_[static_cast<std::size_t>(vertex)];
  }
  [[nodiscard]] const std::array<Index, 3>& triangle(Index row) const {
    return triangles_[static_cast<std::size_t>(row)];
  }

  // Whether `removed` may move onto its neighbour `kept` without changing what the surface is (its
  // pieces, handles and border loops) and without moving a border inward. The link condition of Dey
  // et al., "Topology preserving edge contraction", 1999: the vertices beside both are those that
  // their one or two common triangles name, and no edge is opposite to both. Never when a
  // non-manifold edge (more than two triangles) ends at `removed`.
  [[nodiscard]] bool may_collapse(Index removed, Index kept) const;

  // Requires may_collapse(removed, kept).
  void collapse(Index removed, Index kept);

  [[nodiscard]] bool is_removed(Index vertex) const {
    return removed_[static_cast<std::size_t>(vertex)];
  }

  // Those that are left, in the order they had.
  [[nodiscard]] std::vector<std::array<Index, 3>> triangles() const;

 private:
  [[nodiscard]] bool have_triangle(Index vertex, Index a, Index b) const;

  std::vector<std::array<Index, 3>> triangles_;
  std::vector<std::vector<Index>> stars_;
  std::vector<bool> removed_, gone_;  // vertices, triangles
};

}  // namespace rf
