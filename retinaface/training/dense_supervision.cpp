#include "retinaface/training/dense_supervision.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "autograd/ops.hpp"
#include "engine/check.hpp"
#include "engine/ops/matmul.hpp"
#include "engine/ops/permute.hpp"
#include "layers/mesh_camera.hpp"

namespace rf {

namespace {

constexpr Index kEvery = 16;
constexpr double kPoints = 20, kMesh = 1, kPose = 4, kCode = 0.05, kLight = 0.05;

std::vector<Index> compared_vertices(const FaceModel& model) {
  std::set<Index> chosen(model.landmarks5.begin(), model.landmarks5.end());
  chosen.insert(model.landmarks68.begin(), model.landmarks68.end());
  for (Index v = 0; v < model.neutral.shape()[0]; v += kEvery) chosen.insert(v);
  return {chosen.begin(), chosen.end()};
}

// [N, V, 6] at some vertices: [N, K 6].
Tensor at_vertices(const Tensor& meshes, const std::vector<Index>& vertices) {
  const Tensor rows =
      Tensor::from({static_cast<Index>(vertices.size())}, std::span<const Index>(vertices));
  const Tensor picked = gather(meshes, 1, rows);
  return picked.reshaped({picked.shape()[0], picked.shape()[1] * 6});
}

Tensor identity_rows(Index n) {
  Tensor rows = Tensor::zeros({n, n});
  for (Index i = 0; i < n; ++i) rows.data<float>()[i * n + i] = 1;
  return rows;
}

Var mean_distance(const Var& a, const Tensor& b) {
  return ag::scale(ag::sum(ag::l1(a, Var(b))),
                   1 / static_cast<double>(std::max<Index>(b.numel(), 1)));
}

Tensor row_of(std::span<const double> values) {
  return Tensor::from({static_cast<Index>(values.size())}, values).to(DType::f32);
}

}  // namespace

DenseSupervision::DenseSupervision(const FaceModel& model, Index code)
    : vertices_(compared_vertices(model)), codes_(make_face_codes(model, code)) {
  const auto made = [&](const Tensor& rows) {
    return at_vertices(make_faces(model, decode(codes_, model, rows)), vertices_);
  };
  shape_share_ = rf::shape_share(codes_, model).reshaped({1, code});
  mean_ = made(Tensor::zeros({1, code}));
  // Small steps: colours are clipped, and must stay on the linear side.
  constexpr double kStep = 1e-2;
  basis_ = scale(subtract(made(scale(identity_rows(code), kStep)), mean_), 1 / kStep);
}

DenseLabels DenseSupervision::labels(const DenseRows& rows,
                                     const std::vector<const SyntheticFace*>& truth) const {
  const auto count = static_cast<Index>(rows.order.size()),
             places = static_cast<Index>(vertices_.size());
  DenseLabels labels{.code = Tensor::empty({count, codes_.directions.shape()[0]}),
                     .mesh = Tensor::empty({count, places, 6}),
                     .points = Tensor::empty({count, places, 2}),
                     .pose = Tensor::empty({count, 3}),
                     .light = Tensor::empty({count, DenseHead::kLight})};
  float *code = labels.code.data<float>(), *mesh = labels.mesh.data<float>(),
        *point = labels.points.data<float>(), *pose = labels.pose.data<float>(),
        *light = labels.light.data<float>();
  for (std::size_t r = 0; r < rows.order.size(); ++r) {
    const SyntheticFace& face = *truth[static_cast<std::size_t>(rows.order[r])];
    const SquareCrop& square = rows.squares[r];
    code = std::ranges::copy(encode(codes_, face.parameters).span<float>(), code).out;
    for (const Index v : vertices_) {
      mesh = std::copy_n(face.mesh.data<float>() + 6 * v, 6, mesh);
      const float* at = face.points.data<float>() + 2 * v;
      *point++ = static_cast<float>((static_cast<double>(at[0]) - square.x) / square.side);
      *point++ = static_cast<float>((static_cast<double>(at[1]) - square.y) / square.side);
    }
    pose = std::copy_n(face.camera.data<float>() + 3, 3, pose);
    light = std::ranges::copy(face.light.span<float>(), light).out;
  }
  return labels;
}

SupervisedLosses DenseSupervision::losses(const DenseOutputs& outputs,
                                          const DenseLabels& labels) const {
  const Index count = labels.code.shape()[0], places = static_cast<Index>(vertices_.size());
  const Var mesh =
      ag::reshape(ag::add(ag::matmul(outputs.code, Var(basis_)), Var(mean_)), {count, places, 6});
  const Var clip = project(ag::slice(mesh, 2, 0, 3), outputs.camera, 1);
  // Far from the plane of the camera, whatever a head in training says.
  constexpr double kNearest = 5;
  const Var nearest(row_of(std::array{kNearest}));
  const Var depth = ag::add(ag::relu(ag::subtract(ag::slice(clip, 2, 3, 4), nearest)), nearest);
  const Var points = ag::divide(ag::slice(clip, 2, 0, 2), depth);
  const Var weights(row_of(std::array{1.0, 1.0, 1.0, kColourWeight, kColourWeight, kColourWeight}));
  SupervisedLosses l;
  l.points = ag::scale(mean_distance(points, labels.points), 2);
  l.mesh = ag::scale(
      mean_distance(ag::multiply(mesh, weights), multiply(labels.mesh, weights.value())), 6);
  l.pose = ag::scale(mean_distance(ag::slice(outputs.camera, 1, 3, 6), labels.pose), 3);
  l.code = mean_distance(outputs.code, labels.code);
  const Var steps(DenseHead::light_step());
  l.light = mean_distance(ag::divide(outputs.light, steps), divide(labels.light, steps.value()));
  l.total = ag::add(ag::add(ag::add(ag::scale(l.points, kPoints), ag::scale(l.mesh, kMesh)),
                            ag::add(ag::scale(l.pose, kPose), ag::scale(l.code, kCode))),
                    ag::scale(l.light, kLight));
  return l;
}

}  // namespace rf
