#include "engine/ops/vertex_normals.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/ops/rasterize.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

void check(const char* op, const Tensor& vertices, const Tensor& triangles) {
  const Shape& shape = vertices.shape();
  RF_CHECK_SHAPE(shape.rank() == 3 && shape[2] == 3, op, "vertices ", shape, " must be [N, V, 3]");
  check_triangles(op, triangles, shape[1]);
}

std::size_t scratch_bytes(const Tensor& vertices, Index vectors) {
  return static_cast<std::size_t>(
      checked_mul(checked_mul(vertices.shape()[1], 3 * vectors), size_of(DType::f64)));
}

}  // namespace

MeshNormals vertex_normals(const Tensor& vertices, const Tensor& triangles) {
  constexpr const char* kOp = "vertex normals";
  check_same_dtype(kOp, {&vertices});
  check(kOp, vertices, triangles);
  const Shape& shape = vertices.shape();
  MeshNormals normals{.unit = Tensor::empty(shape, vertices.dtype()),
                      .length = Tensor::empty({shape[0], shape[1]}, vertices.dtype())};
  if (normals.unit.numel() == 0) return normals;
  with_float_type(vertices, [&]<class T>(T) {
    const VertexNormalsArgs<T> args{.vertices = vertices.data<T>(),
                                    .triangle = triangles.data<Index>(),
                                    .y = normals.unit.data<T>(),
                                    .length = normals.length.data<T>(),
                                    .per_image = vertices.shape()[1],
                                    .triangles = triangles.shape()[0]};
    parallel_for(vertices.shape()[0], scratch_bytes(vertices, 1),
                 [&](Index image, std::byte* scratch) {
                   reference::vertex_normals(args, image, reinterpret_cast<double*>(scratch));
                 });
  });
  return normals;
}

Tensor vertex_normals_grad(const Tensor& gy, const Tensor& vertices, const Tensor& triangles,
                           const MeshNormals& normals) {
  constexpr const char* kOp = "vertex normals gradient";
  check_same_dtype(kOp, {&gy, &vertices, &normals.unit, &normals.length});
  check(kOp, vertices, triangles);
  RF_CHECK_SHAPE(gy.shape() == vertices.shape(), kOp, "dL/dy is ", gy.shape(), ", the output was ",
                 vertices.shape());
  RF_CHECK_SHAPE(normals.unit.shape() == gy.shape() &&
                     normals.length.shape() == (Shape{gy.shape()[0], gy.shape()[1]}),
                 kOp, "normals ", normals.unit.shape(), " and lengths ", normals.length.shape(),
                 " are not of vertices ", vertices.shape());
  Tensor gvertices = Tensor::empty(vertices.shape(), vertices.dtype());
  if (gvertices.numel() == 0) return gvertices;
  with_float_type(vertices, [&]<class T>(T) {
    const VertexNormalsGradArgs<T> args{.gy = gy.data<T>(),
                                        .y = normals.unit.data<T>(),
                                        .length = normals.length.data<T>(),
                                        .vertices = vertices.data<T>(),
                                        .triangle = triangles.data<Index>(),
                                        .gvertices = gvertices.data<T>(),
                                        .per_image = vertices.shape()[1],
                                        .triangles = triangles.shape()[0]};
    parallel_for(vertices.shape()[0], scratch_bytes(vertices, 2),
                 [&](Index image, std::byte* scratch) {
                   reference::vertex_normals_grad(args, image, reinterpret_cast<double*>(scratch));
                 });
  });
  return gvertices;
}

}  // namespace rf
