// Meshes to pictures whose every pixel depends smoothly on every triangle near it: the soft
// rasterizer (Liu et al. 2019, "Soft rasterizer: a differentiable renderer for image-based 3D
// reasoning"). Where rasterize() shows one triangle and knows no gradient of its outline, this one
// has gradients from pixels beside a triangle and from triangles that others hide. docs/ops/
// soft_rasterize.md derives them.
//
//   N images and meshes, V vertices, T triangles, H x W pixels, C attributes (colours)
//   d_j      distance in pixels from a pixel's centre to the outline of triangle j in the picture
//   D_j = 1 / (1 + exp(-s d_j^2 / sigma)),  s = 1 inside, -1 outside: the triangle's coverage
//   b_i      max(e_i, 0) / sum_k max(e_k, 0), with e_i of rasterize() but positive inside: there
//            they are its barycentrics; outside they are clamped to the triangle, as the paper does
//   n_j = (1/w - 1/far) / (1/near - 1/far), clamped to [0, 1], with w = b . w: nearness, the
//            paper's normalised inverse depth
//   u_j = D_j exp((n_j - m) / gamma),  u_b = exp(-m / gamma): weights of triangles and background,
//            where m, the largest n_j or 0, keeps exp in range and cancels; the background is at
//            nearness 0, where the paper has a small constant
//
//   colour     = (sum_j u_j (b . a)_j + u_b background) / (sum_j u_j + u_b)
//   silhouette = 1 - prod_j (1 - D_j)
//
// Over the triangles whose D_j is above `cutoff` at the pixel. As a triangle enters, the silhouette
// jumps by at most that; the colour jumps by u_j over the sum, which is more where the triangle is
// much nearer, by gamma, than whatever else there is. Left out everywhere are the triangles that
// rasterize() leaves out.
#pragma once

#include <vector>

#include "engine/tensor.hpp"

namespace rf {

// Limits on the numbers keep what is computed, in double, within its range.
struct SoftRasterizeParams {
  Index height, width;  // of the picture, in pixels; at least 0
  double near, far;     // distances w with nearness 1 and 0: 1e-30 <= near < far <= 1e30
  // In square pixels: an outline is about 2 sqrt(sigma) pixels soft on either side. The paper shows
  // 1e-5 to 1e-2, in squares of half a picture's width.
  double sigma = 1;                  // in [1e-12, 1e12]
  double gamma = 1e-2;               // in [1e-12, 1e12]; the smaller, the more the nearest wins
  double cutoff = 1e-4;              // in [1e-300, 0.5)
  std::vector<double> background{};  // of each attribute; none: 0
};

// clip [N, V, 4], attributes [N, V, C], triangles [T, 3] -> [N, H, W, C + 1]. Throws ShapeError.
[[nodiscard]] Shape soft_rasterize_out_shape(const Shape& clip, const Shape& attributes,
                                             const Shape& triangles,
                                             const SoftRasterizeParams& params);

// A picture [N, H, W, C + 1]: the colour, then the silhouette. clip, attributes [N, V, C] and
// triangles as rasterize() and interpolate_mesh() take them; z has no part in it, so that nearer
// means the same as there if z / w grows with w, as project() makes it. Computed in double for
// either type. Throws ShapeError: shapes, types, parameters, a vertex outside [0, V).
[[nodiscard]] Tensor soft_rasterize(const Tensor& clip, const Tensor& triangles,
                                    const Tensor& attributes, const SoftRasterizeParams& params);

struct SoftRasterizeGrads {
  Tensor clip;        // [N, V, 4], 0 for z
  Tensor attributes;  // [N, V, C]
};

// dL/dclip and dL/dattributes, given gy = dL/d picture. Exact but for kinks: where two edges are
// equally near, on the lines along edges (b), and where n is clamped. Grows without bound as the
// area of a triangle near a pixel goes to 0. Throws ShapeError.
[[nodiscard]] SoftRasterizeGrads soft_rasterize_grad(const Tensor& gy, const Tensor& clip,
                                                     const Tensor& triangles,
                                                     const Tensor& attributes,
                                                     const SoftRasterizeParams& params);

}  // namespace rf
