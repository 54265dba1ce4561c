#include "layers/mesh_camera.hpp"

#include <span>
#include <vector>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

using ag::Var;

namespace {

void check_vectors(const char* op, const char* name, const Shape& shape) {
  RF_CHECK_SHAPE(shape.rank() == 3 && shape[2] == 3, op, name, " ", shape, " must be [N, V, 3]");
}

void check_numbers(const char* op, const char* name, const Shape& shape, Index batch, Index count) {
  RF_CHECK_SHAPE(shape == (Shape{batch, count}), op, name, " ", shape, " must be [", batch, ", ",
                 count, "]");
}

// Numbers [begin, end) of every row, as [N, 1, end - begin].
Var numbers(const Var& rows, Index begin, Index end) {
  return ag::reshape(ag::slice(rows, 1, begin, end), {rows.shape()[0], 1, end - begin});
}

Var constant_like(const Var& x, const Shape& shape, const std::vector<double>& values) {
  const Tensor row =
      Tensor::from(Shape{static_cast<Index>(values.size())}, std::span<const double>(values));
  return Var(broadcast_to(row.to(x.value().dtype()), shape));
}

}  // namespace

Var rotate(const Var& vectors, const Var& g) {
  check_vectors("rotate", "vectors", vectors.shape());
  check_numbers("rotate", "pose", g.shape(), vectors.shape()[0], 3);
  const Var row = numbers(g, 0, 3);
  const Var zeros(Tensor::zeros(vectors.shape(), vectors.value().dtype()));
  const Var everywhere = ag::add(zeros, row);
  const Var once = ag::cross(everywhere, vectors), twice = ag::cross(everywhere, once);
  const Var square = ag::reshape(ag::sum(ag::multiply(row, row), {2}), {g.shape()[0], 1, 1});
  const Var factor = ag::divide(constant_like(g, {1, 1, 1}, {2}),
                                ag::add(square, constant_like(g, {1, 1, 1}, {1})));
  return ag::add(vectors, ag::multiply(factor, ag::add(once, twice)));
}

Var project(const Var& vertices, const Var& camera, Index size) {
  return ag::project_mesh(vertices, camera, size);
}

Var shade(const Var& albedo, const Var& vertices, const Var& normals, const Var& light) {
  return ag::shade_mesh(albedo, vertices, normals, light);
}

}  // namespace rf
