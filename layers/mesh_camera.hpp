// Camera and light of the paper's renderer (section 3.2.2): 7 numbers P_cam and 9 numbers P_ill.
#pragma once

#include "autograd/var.hpp"

namespace rf {

// Where vertices lie in a square picture. vertices [N, V, 3], x to the face's left, y up, z out of
// the face; camera [N, 7]: location of the mesh's origin in the camera's axes (x right, y down, z
// away), in the mesh's units; pose g, the rotation's axis times the tangent of half of its angle
// (Rodrigues 1840); focal length in widths of the picture. Gives clip [N, V, 4] for rasterize() (x
// / w a column and y / w a row of a picture `size` pixels wide and high, whose middle the camera
// looks at):
//   v' = R(g) diag(1, -1, -1) v + location
//   clip = (size (f v'x + v'z / 2), size (f v'y + v'z / 2), -1, v'z)
// With g = 0 the face looks into the camera, upright. The paper has a look direction and a fixed
// upward vector, which cannot roll as faces do; and g needs neither sine nor cosine, so that every
// CPU gives the same bits. It has no half turn, which no face that was detected makes. Throws
// ShapeError.
[[nodiscard]] ag::Var project(const ag::Var& vertices, const ag::Var& camera, Index size);

// The rotation R(g) of vectors: v + 2 / (1 + g.g) (g x v + g x (g x v)). vectors [N, V, 3], g [N,
// 3]. Throws ShapeError.
[[nodiscard]] ag::Var rotate(const ag::Var& vectors, const ag::Var& g);

// Colours of lit vertices (Lambert): albedo (ambient + colour max(0, n . l)), l the direction from
// the vertex to the light. albedo, vertices and unit normals [N, V, 3], the last two in the mesh's
// axes; light [N, 9]: location in the mesh's axes, colour, ambient. A vertex at the light's place
// gets ambient alone. Throws ShapeError.
[[nodiscard]] ag::Var shade(const ag::Var& albedo, const ag::Var& vertices, const ag::Var& normals,
                            const ag::Var& light);

}  // namespace rf
