// The soft rasterizer's kernels: engine/ops/soft_rasterize.hpp has the equations.
#pragma once

#include <cstddef>

#include "engine/kernels/args.hpp"
#include "engine/kernels/reference/soft_triangle.hpp"

namespace rf::reference {

template <class T>
struct SoftMeshes {
  const T* clip;             // [images, vertices, 4]
  const double* screen;      // [images, vertices, 2], of project_vertices()
  const Index* triangle;     // [triangles, 3], each in [0, vertices)
  const T* attributes;       // [images, vertices, channels]
  const double* background;  // [channels]
  Index vertices, triangles, channels, height, width;
  SoftBlend blend;
  // Pixels farther from a triangle's box do not look at it. With infinity every pixel looks at
  // every triangle, and asks for D alone whether it counts: the reference for any other reach,
  // which gives the same bits if D is below the cutoff there.
  double reach;
};

// Memory for what is near one band of rows, one tile (places in `band`) and one pixel.
struct SoftScratch {
  SoftTriangle* band;  // [triangles]
  Index* tile;         // [triangles]
  SoftSample* pixel;   // [triangles]
  double* colour;      // [channels]
  double* sums;        // [vertices, 3 + channels], for gradients only
};

inline constexpr Index kSoftTile = 8;  // pixels a side

// Rows [row_begin, row_end) of one image of picture [images, height, width, channels + 1].
template <class T>
void soft_rasterize(const SoftMeshes<T>& meshes, Index image, Index row_begin, Index row_end,
                    const SoftScratch& scratch, T* picture) noexcept;

template <class T>
struct SoftGradients {
  const T* gy;     // [images, height, width, channels + 1]
  T* gclip;        // [images, vertices, 4]
  T* gattributes;  // [images, vertices, channels]
};

// All of one image.
template <class T>
void soft_rasterize_grad(const SoftMeshes<T>& meshes, Index image, const SoftScratch& scratch,
                         const SoftGradients<T>& gradients) noexcept;

}  // namespace rf::reference
