// Coarser meshes by edge collapse, with the matrices that take values on vertices down and up
// (Ranjan et al., "Generating 3D faces using convolutional mesh autoencoders", ECCV 2018, section
// 3.2). docs/mesh.md derives what is computed.
#pragma once

#include <span>
#include <vector>

#include "engine/ops/csr.hpp"
#include "retinaface/mesh/triangle_mesh.hpp"

namespace rf {

// What simplify makes of a finer mesh.
struct MeshLevel {
  TriangleMesh mesh;  // in the first pose, with its colours

  // Down-sampling D: row i of the coarse mesh is row keep[i] of the finer one. Ascending.
  std::vector<Index> keep;

  // Up-sampling U [finer vertices, coarse vertices]: of each finer vertex the barycentric weights
  // of the closest point on the coarse mesh; three at most in a row, none negative, their sum 1 but
  // for rounding. A vertex that is kept has weight 1 at itself: D U is the identity, exactly.
  CsrMatrix up;

  // From finer vertices, kept ones included, to those closest points: over all vertices the mean
  // and the maximum of the root mean square over poses. In the units of the poses.
  double mean_distance = 0, max_distance = 0;

  bool reached =
      true;  // false: no further collapse was allowed, there are more vertices than asked
};

// Collapses edges, each onto one of its two ends, until `target` vertices are left or every
// collapse is refused. The cheapest first by the quadric error of Garland and Heckbert (1997),
// summed over `poses`, which are meshes of the same triangles; equal costs by index. A collapse is
// refused when it would change the topology, move a border inward or end a vertex of `kept`
// (duplicates are fine), and when the normal of a triangle would turn too far in any pose.
// Isolated vertices stay and count; triangles that name a vertex twice are left out.
//
// The same bits on every machine. About 1 KB per vertex and 0.1 KB per pose of it; O(n log n) while
// few triangles meet at each vertex.
//
// Throws ShapeError: poses of different vertex counts or triangles, or that check_mesh refuses; a
// target below 1; a row in `kept` that is no vertex.
[[nodiscard]] MeshLevel simplify(std::span<const TriangleMesh> poses, Index target,
                                 std::span<const Index> kept = {});

}  // namespace rf
