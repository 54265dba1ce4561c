#include "retinaface/mesh/triangle_mesh.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "engine/check.hpp"
#include "retinaface/mesh/vector3.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

bool names_twice(const std::array<Index, 3>& t) {
  return t[0] == t[1] || t[1] == t[2] || t[2] == t[0];
}

// Sets of vertices that grow together.
class Sets {
 public:
  explicit Sets(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), Index{0});
  }
  // False if a and b were in one set before.
  bool join(Index a, Index b) {
    a = root(a);
    b = root(b);
    parent_[at(std::max(a, b))] = std::min(a, b);
    return a != b;
  }

 private:
  Index root(Index v) {
    while (parent_[at(v)] != v) {
      parent_[at(v)] = parent_[at(parent_[at(v)])];
      v = parent_[at(v)];
    }
    return v;
  }
  std::vector<Index> parent_;
};

struct Side {
  Index low, high;
  bool rising;  // from low to high as the triangle runs
  friend auto operator<=>(const Side&, const Side&) = default;
};

// Of triangles that name three vertices, sorted by edge.
std::vector<Side> sides_of(const TriangleMesh& mesh) {
  std::vector<Side> sides;
  sides.reserve(3 * mesh.triangles.size());
  for (const auto& t : mesh.triangles) {
    if (names_twice(t)) continue;
    for (std::size_t i = 0; i < 3; ++i) {
      const Index a = t[i], b = t[(i + 1) % 3];
      sides.push_back({std::min(a, b), std::max(a, b), a < b});
    }
  }
  std::sort(sides.begin(), sides.end());
  return sides;
}

// f(sides of one edge) for each edge.
template <class F>
void for_each_edge(const std::vector<Side>& sides, F&& f) {
  for (std::size_t i = 0, end; i < sides.size(); i = end) {
    for (end = i + 1;
         end < sides.size() && sides[end].low == sides[i].low && sides[end].high == sides[i].high;)
      ++end;
    f(std::span(sides).subspan(i, end - i));
  }
}

void count_edges(const TriangleMesh& mesh, MeshReport& report) {
  const std::vector<Side> sides = sides_of(mesh);
  Sets pieces(mesh.vertices.size()), borders(mesh.vertices.size());
  std::vector<bool> used(mesh.vertices.size()), on_border(mesh.vertices.size());
  Index joined = 0, border_joined = 0;
  for_each_edge(sides, [&](std::span<const Side> edge) {
    const Side& side = edge.front();
    used[at(side.low)] = used[at(side.high)] = true;
    ++report.edges;
    joined += pieces.join(side.low, side.high);
    if (edge.size() == 1) {
      ++report.boundary_edges;
      on_border[at(side.low)] = on_border[at(side.high)] = true;
      border_joined += borders.join(side.low, side.high);
    }
    report.non_manifold_edges += edge.size() > 2;
    report.reversed_edges += edge.size() == 2 && edge[0].rising == edge[1].rising;
  });
  // A set of n vertices was joined n - 1 times.
  const Index in_use = std::count(used.begin(), used.end(), true);
  report.components = in_use - joined;
  report.boundary_loops = std::count(on_border.begin(), on_border.end(), true) - border_joined;
  report.isolated_vertices = report.vertices - in_use;
  report.euler = in_use - report.edges + static_cast<Index>(sides.size() / 3);
}

}  // namespace

void check_mesh(const TriangleMesh& mesh, const std::string& name) {
  for (std::size_t v = 0; v < mesh.vertices.size(); ++v) {
    for (const double x : mesh.vertices[v]) {
      RF_CHECK_SHAPE(std::abs(x) <= kLargestCoordinate, name, "vertex ", v, " has the coordinate ",
                     x, ", which is not finite or too large");
    }
  }
  const Index count = static_cast<Index>(mesh.vertices.size());
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t) {
    for (const Index v : mesh.triangles[t]) {
      RF_CHECK_SHAPE(v >= 0 && v < count, name, "triangle ", t, " names vertex ", v, " of ", count);
    }
  }
  if (mesh.colours.empty()) return;
  RF_CHECK_SHAPE(mesh.colours.size() == mesh.vertices.size(), name, mesh.colours.size(),
                 " colours for ", count, " vertices; give one for each, or none");
  for (std::size_t v = 0; v < mesh.colours.size(); ++v) {
    for (const double c : mesh.colours[v]) {
      RF_CHECK_SHAPE(c >= 0 && c <= 1, name, "vertex ", v, " has the colour ", c,
                     ", a number from 0 to 1 is needed");
    }
  }
}

MeshReport describe(const TriangleMesh& mesh) {
  MeshReport report;
  report.vertices = static_cast<Index>(mesh.vertices.size());
  report.triangles = static_cast<Index>(mesh.triangles.size());
  count_edges(mesh, report);
  for (const auto& t : mesh.triangles) {
    const double area =
        vector3::length(vector3::normal(mesh.vertices[at(t[0])], mesh.vertices[at(t[1])],
                                        mesh.vertices[at(t[2])])) /
        2;
    report.degenerate_triangles += names_twice(t) || !(area > 0);
    report.area += area;
  }
  if (!mesh.vertices.empty()) report.low = report.high = mesh.vertices[0];
  for (const auto& v : mesh.vertices) {
    for (std::size_t i = 0; i < 3; ++i) {
      report.low[i] = std::min(report.low[i], v[i]);
      report.high[i] = std::max(report.high[i], v[i]);
    }
  }
  return report;
}

}  // namespace rf
