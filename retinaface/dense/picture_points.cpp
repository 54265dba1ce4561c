#include "retinaface/dense/picture_points.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "layers/mesh_camera.hpp"

namespace rf {

using ag::Var;

namespace {

constexpr double kNearest = 1e-3;  // depth by which a picture's coordinates are divided at least

}  // namespace

Tensor picture_points(const Tensor& vertices, const Tensor& camera, const SquareCrop& square) {
  const ag::NoGradScope no_grad;
  const Index count = vertices.shape()[0];
  const Var places = ag::slice(Var(vertices), 1, 0, 3);
  const Tensor clip =
      project(ag::reshape(places, {1, count, 3}), Var(camera.reshaped({1, 7})), 1).value();
  Tensor points = Tensor::empty({count, 3});
  float* to = points.data<float>();
  for (Index v = 0; v < count; ++v) {
    const float* from = clip.data<float>() + 4 * v;
    const double depth = std::max(std::abs(static_cast<double>(from[3])), kNearest);
    *to++ = static_cast<float>(square.x + square.side * static_cast<double>(from[0]) / depth);
    *to++ = static_cast<float>(square.y + square.side * static_cast<double>(from[1]) / depth);
    *to++ = from[3];
  }
  return points;
}

}  // namespace rf
