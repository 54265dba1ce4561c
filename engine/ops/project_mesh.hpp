// Where a camera of seven numbers sees the vertices of a mesh (the paper's P_cam, section 3.2.2;
// layers/mesh_camera.hpp says what they mean):
//
//   v' = R(g) diag(1, -1, -1) v + location,   R(g) f = f + 2 / (1 + g.g) (g x f + g x (g x f))
//   clip = (size (focal v'x + v'z / 2), size (focal v'y + v'z / 2), -1, v'z)
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// vertices [N, V, 3], camera [N, 7] (location, g, focal), a picture of `size` pixels: clip [N, V,
// 4], as rasterize() reads it. f32 or f64; computed in double. Throws ShapeError.
[[nodiscard]] Tensor project_mesh(const Tensor& vertices, const Tensor& camera, Index size);

struct ProjectMeshGrad {
  Tensor vertices, camera;  // without elements where not asked for
};

// Given gclip = dL/dclip. Throws ShapeError.
[[nodiscard]] ProjectMeshGrad project_mesh_grad(const Tensor& gclip, const Tensor& vertices,
                                                const Tensor& camera, Index size,
                                                bool of_vertices = true, bool of_camera = true);

}  // namespace rf
