// Unit normals of a mesh's vertices: the sum of the triangles' normals, each as long as its
// triangle is large, brought to length 1 as normalize() does:
//
//   s_v = sum over the triangles (v0, v1, v2) of v of (v1 - v0) x (v2 - v0),   n_v = s_v / |s_v|
//
// Counter-clockwise triangles look at the viewer. Vertices of no triangle, or of triangles without
// area, have 0.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct MeshNormals {
  Tensor unit;    // n [N, V, 3]
  Tensor length;  // |s| [N, V]
};

// vertices [N, V, 3], f32 or f64; triangles i64 [T, 3], the same for all meshes. Computed in
// double. Throws ShapeError: shapes, types, a vertex outside [0, V).
[[nodiscard]] MeshNormals vertex_normals(const Tensor& vertices, const Tensor& triangles);

// dL/dvertices, given gy = dL/dn. `normals` is what vertex_normals() returned. Throws ShapeError.
[[nodiscard]] Tensor vertex_normals_grad(const Tensor& gy, const Tensor& vertices,
                                         const Tensor& triangles, const MeshNormals& normals);

}  // namespace rf
