#include "retinaface/mesh/collapsible_mesh.hpp"

#include <algorithm>

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

bool names(const std::array<Index, 3>& triangle, Index vertex) {
  return std::find(triangle.begin(), triangle.end(), vertex) != triangle.end();
}

using Ring = std::vector<CollapsibleMesh::Neighbour>;

// How many triangles hold the ring's vertex and `vertex`.
Index shared(const Ring& ring, Index vertex) {
  const auto found =
      std::lower_bound(ring.begin(), ring.end(), vertex,
                       [](const auto& neighbour, Index v) { return neighbour.vertex < v; });
  return found != ring.end() && found->vertex == vertex ? found->triangles : 0;
}

bool on_border(const Ring& ring) {
  return std::any_of(ring.begin(), ring.end(), [](const auto& n) { return n.triangles == 1; });
}

}  // namespace

CollapsibleMesh::CollapsibleMesh(Index vertices, std::span<const std::array<Index, 3>> triangles)
    : triangles_(triangles.begin(), triangles.end()),
      stars_(at(vertices)),
      removed_(at(vertices)),
      gone_(triangles.size()) {
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    const auto& [a, b, c] = triangles_[t];
    gone_[t] = a == b || b == c || c == a;
    if (gone_[t]) continue;
    for (const Index v : triangles_[t]) stars_[at(v)].push_back(static_cast<Index>(t));
  }
}

std::vector<CollapsibleMesh::Neighbour> CollapsibleMesh::ring(Index vertex) const {
  std::vector<Index> beside;
  for (const Index t : star(vertex)) {
    for (const Index v : triangle(t)) {
      if (v != vertex) beside.push_back(v);
    }
  }
  std::sort(beside.begin(), beside.end());
  std::vector<Neighbour> ring;
  for (const Index v : beside) {
    if (!ring.empty() && ring.back().vertex == v)
      ++ring.back().triangles;
    else
      ring.push_back({v, 1});
  }
  return ring;
}

bool CollapsibleMesh::have_triangle(Index vertex, Index a, Index b) const {
  const auto holds = [&](Index t) { return names(triangle(t), a) && names(triangle(t), b); };
  return std::any_of(star(vertex).begin(), star(vertex).end(), holds);
}

bool CollapsibleMesh::may_collapse(Index removed, Index kept) const {
  const Ring of_removed = ring(removed), of_kept = ring(kept);
  const Index count = shared(of_removed, kept);
  if (count != 1 && count != 2) return false;
  for (const Neighbour& n : of_removed) {
    if (n.triangles > 2) return false;
  }
  if (count == 2 && on_border(of_removed)) return false;

  std::vector<Index> opposite;  // in the common triangles
  for (const Index t : star(removed)) {
    if (!names(triangle(t), kept)) continue;
    for (const Index v : triangle(t)) {
      if (v != removed && v != kept) opposite.push_back(v);
    }
  }
  if (count == 2 && opposite[0] == opposite[1]) return false;
  Index common = 0;
  for (const Neighbour& n : of_removed) common += shared(of_kept, n.vertex) > 0;
  if (common != count) return false;

  // An edge opposite to both, as in a tetrahedron; or, with the outside of a border as one more
  // vertex beside all of it, a triangle that hangs on nothing else, on a corner, or as a third one
  // on an edge of two.
  if (count == 2)
    return !have_triangle(removed, opposite[0], opposite[1]) ||
           !have_triangle(kept, opposite[0], opposite[1]);
  return shared(of_removed, opposite[0]) == 2 || shared(of_kept, opposite[0]) == 2;
}

void CollapsibleMesh::collapse(Index removed, Index kept) {
  std::vector<Index>& onto = stars_[at(kept)];
  for (const Index t : stars_[at(removed)]) {
    auto& vertices = triangles_[at(t)];
    if (names(vertices, kept)) {
      gone_[at(t)] = true;
      for (const Index v : vertices) {
        if (v != removed) std::erase(stars_[at(v)], t);
      }
    } else {
      std::replace(vertices.begin(), vertices.end(), removed, kept);
      onto.insert(std::lower_bound(onto.begin(), onto.end(), t), t);
    }
  }
  stars_[at(removed)] = {};
  removed_[at(removed)] = true;
}

std::vector<std::array<Index, 3>> CollapsibleMesh::triangles() const {
  std::vector<std::array<Index, 3>> left;
  for (std::size_t t = 0; t < triangles_.size(); ++t) {
    if (!gone_[t]) left.push_back(triangles_[t]);
  }
  return left;
}

}  // namespace rf
