// Cameras near another one, by seven numbers that each move the picture in their own way: what the
// dense head says, and what a fit changes.
#pragma once

#include <array>

#include "autograd/var.hpp"

namespace rf {

// cameras f32 [N, 7] (layers/mesh_camera.hpp), numbers [N, 7], `pivot` a point of the mesh in its
// units and axes. With c the pivot in the camera's axes and s = c_z / focal, the width of the
// square there:
//   place c / s + 0.05 (d0, d1),  size s exp(0.15 d2),  pose g + 0.3 (d3, d4, d5),  focal exp(0.3
//   d6)
// and from these the location of the mesh's origin, [N, 7]. Zeros give the camera back, to
// rounding.
[[nodiscard]] ag::Var corrected_camera(const Tensor& cameras, const ag::Var& numbers,
                                       const std::array<double, 3>& pivot);

}  // namespace rf
