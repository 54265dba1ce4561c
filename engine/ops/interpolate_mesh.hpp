// Values at the vertices of a mesh to values at the pixels that show it (engine/ops/rasterize.hpp):
//
//   y[n,i,j,c] = sum over k of  b[n,i,j,k] a[n, triangles[id[n,i,j], k], c],  0 where id is -1
//
// Colours, normals or texture coordinates. Correct in perspective, because the barycentrics are.
#pragma once

#include "engine/ops/rasterize.hpp"
#include "engine/tensor.hpp"

namespace rf {

// barycentric [N, H, W, 3], attributes [N, V, C] -> [N, H, W, C]. Throws ShapeError.
[[nodiscard]] Shape interpolate_mesh_out_shape(const Shape& barycentric, const Shape& attributes);

// attributes of the type of the barycentrics; triangles i64 [T, 3], those of the raster. Throws
// ShapeError: shapes, types, a vertex outside [0, V), a triangle outside [-1, T).
[[nodiscard]] Tensor interpolate_mesh(const Raster& raster, const Tensor& triangles,
                                      const Tensor& attributes);

// dL/d barycentric [N, H, W, 3], given gy = dL/dy; 0 where there is no triangle. Throws ShapeError.
[[nodiscard]] Tensor interpolate_mesh_grad_barycentric(const Tensor& gy, const Raster& raster,
                                                       const Tensor& triangles,
                                                       const Tensor& attributes);

// dL/d attributes [N, vertices, C], given gy = dL/dy. Throws ShapeError.
[[nodiscard]] Tensor interpolate_mesh_grad_attributes(const Tensor& gy, const Raster& raster,
                                                      const Tensor& triangles, Index vertices);

}  // namespace rf
