#include "retinaface/dense/camera_correction.hpp"

#include <span>

#include "autograd/ops.hpp"
#include "layers/mesh_camera.hpp"

namespace rf {

using ag::Var;

namespace {

constexpr double kShift = 0.05, kGrow = 0.15, kTurn = 0.3, kFocal = 0.3;

Var columns(const Var& rows, Index begin, Index end) { return ag::slice(rows, 1, begin, end); }

}  // namespace

Var corrected_camera(const Tensor& cameras, const Var& numbers,
                     const std::array<double, 3>& pivot) {
  const Index count = cameras.shape()[0];
  const Var before(cameras);
  const std::array<double, 3> facing{pivot[0], -pivot[1], -pivot[2]};
  const Var point(Tensor::from({1, 3}, std::span<const double>(facing)).to(DType::f32));
  const Var points = ag::reshape(ag::add(Var(Tensor::zeros({count, 3})), point), {count, 1, 3});
  const auto turned = [&](const Var& pose) {
    return ag::reshape(rotate(points, pose), {count, 3});
  };
  const Var pose_before = columns(before, 3, 6), focal_before = columns(before, 6, 7);
  const Var place = ag::add(turned(pose_before), columns(before, 0, 3));
  const Var size_before = ag::divide(columns(place, 2, 3), focal_before);
  const Var size = ag::multiply(size_before, ag::exp(ag::scale(columns(numbers, 2, 3), kGrow)));
  const Var focal = ag::multiply(focal_before, ag::exp(ag::scale(columns(numbers, 6, 7), kFocal)));
  const Var shift = ag::add(ag::divide(columns(place, 0, 2), size_before),
                            ag::scale(columns(numbers, 0, 2), kShift));
  const Var pose = ag::add(pose_before, ag::scale(columns(numbers, 3, 6), kTurn));
  const Var moved = ag::concat({ag::multiply(shift, size), ag::multiply(focal, size)}, 1);
  return ag::concat({ag::subtract(moved, turned(pose)), pose, focal}, 1);
}

}  // namespace rf
