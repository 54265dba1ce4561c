// The paper's dense regression loss (section 3.2.2, equation (3)): rendered faces against the
// pictures that they were read from.
#pragma once

#include <vector>

#include "engine/image.hpp"
#include "layers/mesh_renderer.hpp"
#include "retinaface/dense/square_crop.hpp"

namespace rf {

// A square of a picture as `size` x `size` pixels: means over each pixel's share of the square (of
// at least one pixel's width). rgb f32 [size, size, 3], 0 to 1; inside f32 [size, size, 1]: 1 where
// the square is inside the picture, else 0 (and black). Throws ShapeError: an empty picture, a size
// below 1, a square that is not finite or has no side.
struct SquarePixels {
  Tensor rgb, inside;
};
[[nodiscard]] SquarePixels square_pixels(const Image& picture, const SquareCrop& square,
                                         Index size);

// Mean over the N faces of the mean absolute difference of colours over the pixels that the mesh
// covers and that are inside the picture: a scalar. Equation (3) divides by all pixels, with which
// a face gains by becoming small; a face that covers nothing counts 0. crops f32 [N, S, S, 3],
// inside [N, S, S, 1]. Throws ShapeError.
[[nodiscard]] ag::Var pixel_loss(const RenderedMeshes& rendered, const Tensor& crops,
                                 const Tensor& inside);

}  // namespace rf
