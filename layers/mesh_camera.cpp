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

Var column(const Var& vectors, Index i) { return ag::slice(vectors, 2, i, i + 1); }

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
  check_vectors("project", "vertices", vertices.shape());
  check_numbers("project", "camera", camera.shape(), vertices.shape()[0], 7);
  RF_CHECK_SHAPE(size >= 1, "project", "a picture of ", size, " pixels");
  const Var facing = ag::multiply(vertices, constant_like(vertices, {1, 1, 3}, {1, -1, -1}));
  const Var seen = ag::add(rotate(facing, ag::slice(camera, 1, 3, 6)), numbers(camera, 0, 3));
  const Var focal = numbers(camera, 6, 7), depth = column(seen, 2), half = ag::scale(depth, 0.5);
  const auto pixels = [&](Index axis) {
    return ag::scale(ag::add(ag::multiply(focal, column(seen, axis)), half),
                     static_cast<double>(size));
  };
  const Var nearness = constant_like(vertices, depth.shape(), {-1});
  return ag::concat({pixels(0), pixels(1), nearness, depth}, 2);
}

Var shade(const Var& albedo, const Var& vertices, const Var& normals, const Var& light) {
  check_vectors("shade", "albedo", albedo.shape());
  for (const Var* other : {&vertices, &normals}) {
    RF_CHECK_SHAPE(other->shape() == albedo.shape(), "shade", "vertices ", vertices.shape(),
                   " and normals ", normals.shape(), " must have the shape of the albedo, ",
                   albedo.shape());
  }
  check_numbers("shade", "light", light.shape(), albedo.shape()[0], 9);
  const Var to_light = ag::normalize(ag::subtract(numbers(light, 0, 3), vertices));
  const Shape per_vertex{albedo.shape()[0], albedo.shape()[1], 1};
  const Var cosine =
      ag::relu(ag::reshape(ag::sum(ag::multiply(normals, to_light), {2}), per_vertex));
  const Var lit = ag::add(numbers(light, 6, 9), ag::multiply(numbers(light, 3, 6), cosine));
  return ag::multiply(albedo, lit);
}

}  // namespace rf
