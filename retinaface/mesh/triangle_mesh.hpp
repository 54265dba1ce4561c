// Triangle meshes: what they hold, what makes one sound, and what can be told about its shape.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// Triangles run counter-clockwise seen from outside. Units are those of whoever made the mesh.
struct TriangleMesh {
  std::vector<std::array<double, 3>> vertices;
  std::vector<std::array<Index, 3>> triangles;  // rows of `vertices`
  std::vector<std::array<double, 3>> colours;  // red, green, blue of each vertex in [0, 1]; or none
};

// The largest coordinate, as absolute value, that a mesh may have: the largest float. What is made
// of products of four such numbers still fits in a double.
inline constexpr double kLargestCoordinate = 3.4028234663852886e38;

// Throws ShapeError, with `name` in front: an index that names no vertex, a coordinate that is not
// finite or beyond kLargestCoordinate, colours of another number than vertices or outside [0, 1].
void check_mesh(const TriangleMesh& mesh, const std::string& name);

struct MeshReport {
  Index vertices = 0, triangles = 0;
  Index edges = 0;               // pairs of vertices that a triangle joins
  Index boundary_edges = 0;      // with one triangle
  Index boundary_loops = 0;      // connected sets of boundary edges; two that touch count as one
  Index non_manifold_edges = 0;  // with more than two triangles
  Index reversed_edges = 0;  // two triangles that disagree about which side is outside (or overlap)
  Index isolated_vertices = 0;     // of no triangle
  Index degenerate_triangles = 0;  // a vertex twice, or no area
  Index components = 0;            // of vertices that edges connect, isolated ones left out
  Index euler = 0;                 // vertices that are not isolated - edges + triangles
  double area = 0;
  std::array<double, 3> low{}, high{};  // bounding box of all vertices; zeros without any
};

// Triangles that name a vertex twice have no edge from it to itself, and do not count in `euler`.
// Requires check_mesh to pass. Memory and time are those of sorting the edges.
[[nodiscard]] MeshReport describe(const TriangleMesh& mesh);

}  // namespace rf
