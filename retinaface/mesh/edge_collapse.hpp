// The order in which edges collapse: cheapest first, by quadric error.
#pragma once

#include <queue>
#include <span>
#include <vector>

#include "retinaface/mesh/collapsible_mesh.hpp"
#include "retinaface/mesh/quadric.hpp"
#include "retinaface/mesh/stacked_poses.hpp"

namespace rf {

class EdgeCollapse {
 public:
  // `places` must outlive this. Requires indices within its vertices.
  EdgeCollapse(const StackedPoses& places, std::span<const std::array<Index, 3>> triangles,
               std::span<const Index> kept);

  // Until `target` vertices are left. Gives how many there are: more if every collapse is refused.
  Index run(Index target);

  [[nodiscard]] const CollapsibleMesh& mesh() const { return mesh_; }

 private:
  // `removed` onto `kept`, as long as the versions of both are still these.
  struct Collapse {
    double cost;
    Index removed, kept;
    Index removed_version, kept_version;
  };
  struct Dearer {
    bool operator()(const Collapse& a, const Collapse& b) const {
      if (a.cost != b.cost) return a.cost > b.cost;
      return a.removed != b.removed ? a.removed > b.removed : a.kept > b.kept;
    }
  };

  void add_face_quadrics(const std::array<Index, 3>& triangle);
  void add_border_quadric(const std::array<Index, 3>& triangle, std::size_t side);
  Quadric& quadric(Index vertex, Index pose) {
    return quadrics_[static_cast<std::size_t>(vertex * places_.poses() + pose)];
  }
  [[nodiscard]] double cost(Index removed, Index kept);
  [[nodiscard]] bool turns_a_triangle(Index removed, Index kept) const;
  void push(Index removed, Index kept);
  [[nodiscard]] bool is_stale(const Collapse& collapse) const;
  void collapse(const Collapse& chosen);
  void release_around(Index vertex);

  const StackedPoses& places_;
  CollapsibleMesh mesh_;
  std::vector<Quadric> quadrics_;  // [V, P]
  std::vector<bool> protected_;
  std::vector<Index> version_;  // of a vertex; rises when its quadrics change
  std::priority_queue<Collapse, std::vector<Collapse>, Dearer> queue_;
  // Collapses that were refused, at the vertex they would remove, until something near changes.
  std::vector<std::vector<Collapse>> parked_;
  Index left_;
};

}  // namespace rf
