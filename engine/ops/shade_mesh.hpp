// Colours of lit vertices (Lambert), by a light of nine numbers (the paper's P_ill, section 3.2.2):
//
//   y = albedo (ambient + colour max(0, n . l)),   l = (location - v) / |location - v|
#pragma once

#include "engine/tensor.hpp"

namespace rf {

// albedo, vertices and unit normals n [N, V, 3], light [N, 9] (location, colour, ambient): y [N, V,
// 3]. A vertex at the light's place gets ambient alone. f32 or f64; computed in double. Throws
// ShapeError.
[[nodiscard]] Tensor shade_mesh(const Tensor& albedo, const Tensor& vertices, const Tensor& normals,
                                const Tensor& light);

struct ShadeMeshGrad {
  Tensor albedo, vertices, normals, light;  // without elements where not asked for
};

// Which gradients are asked for.
struct ShadeMeshWants {
  bool albedo = true, vertices = true, normals = true, light = true;
};

// Given gy = dL/dy; with respect to normals as if they could have any length. Throws ShapeError.
[[nodiscard]] ShadeMeshGrad shade_mesh_grad(const Tensor& gy, const Tensor& albedo,
                                            const Tensor& vertices, const Tensor& normals,
                                            const Tensor& light, const ShadeMeshWants& wants = {});

}  // namespace rf
