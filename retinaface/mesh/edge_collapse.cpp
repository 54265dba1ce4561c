#include "retinaface/mesh/edge_collapse.hpp"

#include <algorithm>

namespace rf {

namespace {

using vector3::Vector;

// Against the area of a face: the squared length of a border edge counts this much, so that
// outlines keep their shape rather longer than what is between them. Our choice.
constexpr double kBorderWeight = 10;

// Against the plane of a face: the distance to its corners counts this much. Small enough to be
// nothing where the surface bends; where it is flat, and every collapse costs nothing by its
// planes, short edges go first and the vertices that are left spread evenly. Our choice.
constexpr double kPointWeight = 1e-4;

// Cosine of the largest angle that one collapse may turn a triangle by, 60 degrees: far from a
// flip, since several collapses add up, and thin triangles are turned by every one. Our choice.
constexpr double kLeastCosine = 0.5;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

EdgeCollapse::EdgeCollapse(const StackedPoses& places,
                           std::span<const std::array<Index, 3>> triangles,
                           std::span<const Index> kept)
    : places_(places),
      mesh_(places.vertices(), triangles),
      quadrics_(at(places.vertices() * places.poses())),
      protected_(at(places.vertices())),
      version_(at(places.vertices())),
      parked_(at(places.vertices())),
      left_(places.vertices()) {
  for (const Index v : kept) protected_[at(v)] = true;
  for (const auto& triangle : mesh_.triangles()) add_face_quadrics(triangle);
  for (Index v = 0; v < places.vertices(); ++v) {
    for (const auto& neighbour : mesh_.ring(v)) {
      if (neighbour.triangles != 1 || neighbour.vertex < v) continue;
      for (const Index t : mesh_.star(v)) {
        const auto& triangle = mesh_.triangle(t);
        for (std::size_t i = 0; i < 3; ++i) {
          if (std::minmax(triangle[i], triangle[(i + 1) % 3]) == std::minmax(v, neighbour.vertex))
            add_border_quadric(triangle, i);
        }
      }
    }
  }
  for (Index v = 0; v < places.vertices(); ++v) {
    for (const auto& neighbour : mesh_.ring(v)) push(v, neighbour.vertex);
  }
}

void EdgeCollapse::add_face_quadrics(const std::array<Index, 3>& triangle) {
  for (Index pose = 0; pose < places_.poses(); ++pose) {
    const Vector a = places_.place(triangle[0], pose), b = places_.place(triangle[1], pose),
                 c = places_.place(triangle[2], pose);
    Vector n = vector3::normal(a, b, c);
    const double length = vector3::length(n), area = length / 2;
    if (!(length > 0)) continue;
    for (double& x : n) x /= length;
    for (const Index v : triangle) {
      quadric(v, pose).add_plane(n, a, area);
      quadric(v, pose).add_point(places_.place(v, pose), kPointWeight * area);
    }
  }
}

// The plane through a border edge that stands upright on its triangle.
void EdgeCollapse::add_border_quadric(const std::array<Index, 3>& triangle, std::size_t side) {
  const Index from = triangle[side], to = triangle[(side + 1) % 3];
  for (Index pose = 0; pose < places_.poses(); ++pose) {
    const Vector a = places_.place(triangle[0], pose), b = places_.place(triangle[1], pose),
                 c = places_.place(triangle[2], pose);
    const Vector edge = vector3::minus(places_.place(to, pose), places_.place(from, pose));
    Vector n = vector3::cross(edge, vector3::normal(a, b, c));
    const double length = vector3::length(n);
    if (!(length > 0)) continue;
    for (double& x : n) x /= length;
    const double weight = kBorderWeight * vector3::dot(edge, edge);
    for (const Index v : {from, to})
      quadric(v, pose).add_plane(n, places_.place(from, pose), weight);
  }
}

double EdgeCollapse::cost(Index removed, Index kept) {
  double sum = 0;
  for (Index pose = 0; pose < places_.poses(); ++pose) {
    Quadric both = quadric(removed, pose);
    both.add(quadric(kept, pose));
    sum += both.at(places_.place(kept, pose));
  }
  return std::max(sum, 0.0);  // rounding can end below
}

bool EdgeCollapse::turns_a_triangle(Index removed, Index kept) const {
  for (const Index t : mesh_.star(removed)) {
    const auto& before = mesh_.triangle(t);
    if (std::find(before.begin(), before.end(), kept) != before.end()) continue;
    std::array<Index, 3> after = before;
    std::replace(after.begin(), after.end(), removed, kept);
    for (Index pose = 0; pose < places_.poses(); ++pose) {
      const auto normal = [&](const std::array<Index, 3>& v) {
        return vector3::normal(places_.place(v[0], pose), places_.place(v[1], pose),
                               places_.place(v[2], pose));
      };
      const Vector old_normal = normal(before), new_normal = normal(after);
      const double lengths = vector3::length(old_normal) * vector3::length(new_normal);
      // One without an area has no side to turn; none may lose its area.
      if (vector3::length(old_normal) > 0 &&
          !(vector3::dot(old_normal, new_normal) > kLeastCosine * lengths))
        return true;
    }
  }
  return false;
}

void EdgeCollapse::push(Index removed, Index kept) {
  if (protected_[at(removed)]) return;
  queue_.push({cost(removed, kept), removed, kept, version_[at(removed)], version_[at(kept)]});
}

bool EdgeCollapse::is_stale(const Collapse& collapse) const {
  return mesh_.is_removed(collapse.removed) || mesh_.is_removed(collapse.kept) ||
         version_[at(collapse.removed)] != collapse.removed_version ||
         version_[at(collapse.kept)] != collapse.kept_version;
}

void EdgeCollapse::collapse(const Collapse& chosen) {
  mesh_.collapse(chosen.removed, chosen.kept);
  for (Index pose = 0; pose < places_.poses(); ++pose)
    quadric(chosen.kept, pose).add(quadric(chosen.removed, pose));
  ++version_[at(chosen.kept)];
  --left_;
  parked_[at(chosen.removed)] = {};
  for (const auto& neighbour : mesh_.ring(chosen.kept)) {
    push(chosen.kept, neighbour.vertex);
    push(neighbour.vertex, chosen.kept);
  }
  release_around(chosen.kept);
}

// What is allowed depends on the triangles at both ends, so a collapse changes it for the edges
// that end at a neighbour of the vertex: those remove a vertex at most two edges away.
void EdgeCollapse::release_around(Index vertex) {
  const auto release = [&](Index v) {
    for (const Collapse& collapse : parked_[at(v)]) {
      if (!is_stale(collapse)) queue_.push(collapse);
    }
    parked_[at(v)].clear();
  };
  release(vertex);
  for (const auto& near : mesh_.ring(vertex)) {
    for (const auto& next : mesh_.ring(near.vertex)) release(next.vertex);
  }
}

Index EdgeCollapse::run(Index target) {
  while (left_ > target && !queue_.empty()) {
    const Collapse cheapest = queue_.top();
    queue_.pop();
    if (is_stale(cheapest)) continue;
    if (mesh_.may_collapse(cheapest.removed, cheapest.kept) &&
        !turns_a_triangle(cheapest.removed, cheapest.kept)) {
      collapse(cheapest);
    } else {
      parked_[at(cheapest.removed)].push_back(cheapest);
    }
  }
  return left_;
}

}  // namespace rf
