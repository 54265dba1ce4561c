// Triangle meshes to pictures: which triangle each pixel shows, and where in that triangle the
// pixel lies. Homogeneous edge functions (Olano and Greer 1997, "Triangle scan conversion using 2D
// homogeneous coordinates"), differentiated with the triangle of each pixel held fixed (Genova et
// al. 2018, "Unsupervised training for 3D morphable model regression"). docs/ops/rasterize.md
// derives both.
//
//   N images and meshes, V vertices, T triangles, H x W pixels
//   v_i = (x, y, w) of a triangle's vertex i = 0, 1, 2;  p = (j + 0.5, i + 0.5, 1) of pixel (i, j)
//   e_i = p . (v_(i+1) x v_(i+2)),  indices modulo 3
//   b_i = e_i / (e_0 + e_1 + e_2),  depth = (b . z) / (b . w)
//
// A pixel is covered where every e_i has the sign of the determinant v_0 . (v_1 x v_2). On an edge,
// e_i = 0, the pixel goes to the side where it would be if moved right, and for a horizontal edge
// down, by less than any number: of two triangles that share an edge and lie on opposite sides of
// it exactly one gets the pixel. The nearest triangle is shown, of equally near ones the first.
// Both faces are drawn: there is no winding to get right, and in a closed mesh back faces are
// hidden by front faces anyway.
//
// Not drawn: a triangle with a vertex at w < 1e-30 (behind the camera or on its plane; such a
// triangle is left out as a whole, not cut), with a coordinate that is not a number, infinite or
// above 1e60, or whose determinant is 0 as far as double can tell (seen edge-on, or without area).
// There is no other near or far plane.
#pragma once

#include "engine/tensor.hpp"

namespace rf {

struct RasterizeParams {
  Index height, width;  // of the picture, in pixels; at least 0
};

struct Raster {
  Tensor triangle;     // i64 [N, H, W]: the triangle's row in `triangles`, -1 where there is none
  Tensor barycentric;  // [N, H, W, 3]: weights of its vertices, each in [0, 1]; 0 where there is
                       // none
};

// The shape of the barycentrics. clip [N, V, 4], triangles [T, 3] -> [N, H, W, 3]. Throws
// ShapeError.
[[nodiscard]] Shape rasterize_out_shape(const Shape& clip, const Shape& triangles,
                                        const RasterizeParams& params);

// clip [N, V, 4], f32 or f64: (x, y, z, w) where x / w is a column and y / w a row in pixels (the
// first pixel's centre is at 0.5, 0.5), z / w the depth, smaller being nearer, and w > 0 is in
// front of the camera. triangles i64 [T, 3], the same for all meshes. Coverage and depth are
// computed in double for either type. Throws ShapeError: shapes, types, a vertex outside [0, V).
[[nodiscard]] Raster rasterize(const Tensor& clip, const Tensor& triangles,
                               const RasterizeParams& params);

// dL/dclip [N, V, 4], given gb = dL/d barycentric and the raster of this clip; 0 for z, and no
// gradient from a pixel's changing its triangle. Grows without bound as the area of a triangle that
// still covers a pixel goes to 0. Throws ShapeError.
[[nodiscard]] Tensor rasterize_grad(const Tensor& gb, const Tensor& clip, const Tensor& triangles,
                                    const Raster& raster);

// Throws ShapeError unless `triangles` is i64 [T, 3] with every element in [0, vertices).
void check_triangles(const char* op, const Tensor& triangles, Index vertices);

// Throws ShapeError unless ids is i64 of this shape with every element in [-1, triangles).
void check_triangle_ids(const char* op, const Tensor& ids, const Shape& shape, Index triangles);

}  // namespace rf
