// Pose of a mesh from five points of a face: where the dense head begins, and the baseline that it
// has to beat.
#pragma once

#include <array>
#include <span>

#include "engine/tensor.hpp"
#include "retinaface/dense/square_crop.hpp"

namespace rf {

// In widths of the square: what is assumed of pictures whose camera nobody knows. A face of 20 cm
// and crop is then seen from 80 cm away.
inline constexpr double kUsualFocal = 4;

// The camera (f32 [7], layers/mesh_camera.hpp) under which `mesh` points, in the mesh's units and
// axes, lie where the picture has them, by least squares: Gauss-Newton steps with damping
// (Levenberg 1944), from several turns of the head, of which the best is taken. A small penalty on
// large turns decides where points of a profile could be either. `points` are in pixels of the
// picture. Points that are not finite or all in one place give a face that fills the square. The
// same bits on every machine.
[[nodiscard]] Tensor five_point_camera(std::span<const std::array<double, 3>, 5> mesh,
                                       const std::array<Point, 5>& points, const SquareCrop& square,
                                       double focal = kUsualFocal);

// Points in widths of the square from its middle, f32 [5, 2].
[[nodiscard]] Tensor in_square(const std::array<Point, 5>& points, const SquareCrop& square);

}  // namespace rf
