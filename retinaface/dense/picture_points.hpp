// Where vertices are in a picture.
#pragma once

#include "engine/tensor.hpp"
#include "retinaface/dense/square_crop.hpp"

namespace rf {

// vertices f32 [V, 3 or more], camera f32 [7] (layers/mesh_camera.hpp) of a square of the picture.
// Gives f32 [V, 3]: column and row in pixels of the picture, and depth in the vertices' units. A
// vertex on the camera's plane or behind it lies where its mirror image would; never NaN.
[[nodiscard]] Tensor picture_points(const Tensor& vertices, const Tensor& camera,
                                    const SquareCrop& square);

}  // namespace rf
