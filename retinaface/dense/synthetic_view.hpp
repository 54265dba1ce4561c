// How a synthetic face is seen: its pose, a camera that frames it, a light. Cameras and lights are
// those of layers/mesh_camera.hpp. Nothing here calls the C library's sine or cosine, so that every
// CPU draws the same.
#pragma once

#include <array>

#include "engine/random.hpp"
#include "engine/tensor.hpp"

namespace rf {

// Largest angles in degrees; each at least 0, yaw and roll at most 90, pitch at most 60, so that
// together they never make a half turn.
struct PoseLimits {
  double yaw, pitch, roll;
};

// Degrees. Applied yaw first, about the face's own vertical; then pitch, about the camera's x axis;
// then roll, in the picture. Positive: the nose goes to the picture's right; up; the head turns
// clockwise.
struct HeadAngles {
  double yaw, pitch, roll;
};

// Each from a normal distribution of mean 0 whose standard deviation is half of the limit, drawn
// again until it is within the limit: half of the faces turn by less than 0.32 of it, one in 13 by
// more than 0.8.
[[nodiscard]] HeadAngles random_angles(const PoseLimits& limits, Random& random);

// The pose g of a camera, axis times tan(angle / 2), for roll * pitch * yaw: the product of the
// quaternions (1, axis tan(half)), divided by its real part.
[[nodiscard]] std::array<float, 3> pose_of(const HeadAngles& angles);

// A camera, and the projected box that it gives.
struct Framing {
  std::array<float, 7> camera;
  double width, height;  // of the box, in widths of the picture; its centre is the picture's
};

// The camera of this pose and focal length for which the vertices' box has its centre in the middle
// of the picture and its longer side is `fill` of the picture's. mesh [V, 6] (or more numbers a
// row, of which the first three count), f32. Requires vertices that do not all lie at one place,
// focal >= 1 and 0 < fill <= 1.
[[nodiscard]] Framing frame(const Tensor& mesh, const std::array<float, 3>& pose, double focal,
                            double fill);

// P_ill in the mesh's axes and centimetres. The light stands 60 to 300 cm away, in front and mostly
// above: along (0.7 n, 0.3 + 0.5 n, 1) with n ~ N(0, 1). Ambient is uniform in [0.3, 0.7], ambient
// and light together in [0.85, 1.15], so that skin is not overexposed; each channel of the light is
// then tinted by up to 8 %, of ambient by up to 5 %.
[[nodiscard]] std::array<float, 9> random_light(Random& random);

}  // namespace rf
