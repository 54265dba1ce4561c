#include "engine/ops/interpolate_mesh.hpp"

#include <algorithm>

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

// Throws ShapeError unless the raster is one of N meshes of this many vertices.
void check_raster(const char* op, const Raster& raster, const Tensor& triangles, Index vertices) {
  const Shape& shape = raster.barycentric.shape();
  check_triangles(op, triangles, vertices);
  check_triangle_ids(op, raster.triangle, {shape[0], shape[1], shape[2]}, triangles.shape()[0]);
}

void check_gradient(const char* op, const Tensor& gy, const Shape& y) {
  RF_CHECK_SHAPE(gy.shape() == y, op, "dL/dy is ", gy.shape(), ", the output was ", y);
}

}  // namespace

Shape interpolate_mesh_out_shape(const Shape& barycentric, const Shape& attributes) {
  RF_CHECK_SHAPE(barycentric.rank() == 4 && barycentric[3] == 3 && attributes.rank() == 3 &&
                     attributes[0] == barycentric[0],
                 "interpolate_mesh", "barycentrics ", barycentric, " and attributes ", attributes,
                 " must be [N, H, W, 3] and [N, V, C]");
  return barycentric.with(3, attributes[2]);
}

Tensor interpolate_mesh(const Raster& raster, const Tensor& triangles, const Tensor& attributes) {
  constexpr const char* kOp = "interpolate_mesh";
  check_same_dtype(kOp, {&raster.barycentric, &attributes});
  Tensor y =
      Tensor::empty(interpolate_mesh_out_shape(raster.barycentric.shape(), attributes.shape()),
                    attributes.dtype());
  check_raster(kOp, raster, triangles, attributes.shape()[1]);
  if (y.numel() == 0) return y;
  with_float_type(attributes, [&]<class T>(T) {
    const InterpolateMeshArgs<T> args{.barycentric = raster.barycentric.data<T>(),
                                      .attributes = attributes.data<T>(),
                                      .triangle = triangles.data<Index>(),
                                      .id = raster.triangle.data<Index>(),
                                      .y = y.data<T>(),
                                      .vertices = attributes.shape()[1],
                                      .pixels = y.shape()[1] * y.shape()[2],
                                      .channels = y.shape()[3]};
    for_ranges(raster.triangle.numel(), args.channels + 3,
               [&](Index begin, Index end) { reference::interpolate_mesh(args, begin, end); });
  });
  return y;
}

Tensor interpolate_mesh_grad_barycentric(const Tensor& gy, const Raster& raster,
                                         const Tensor& triangles, const Tensor& attributes) {
  constexpr const char* kOp = "interpolate_mesh gradient";
  check_same_dtype(kOp, {&gy, &raster.barycentric, &attributes});
  const Shape& shape = raster.barycentric.shape();
  check_gradient(kOp, gy, interpolate_mesh_out_shape(shape, attributes.shape()));
  check_raster(kOp, raster, triangles, attributes.shape()[1]);
  Tensor gb = Tensor::empty(shape, gy.dtype());
  if (gb.numel() == 0) return gb;
  with_float_type(gy, [&]<class T>(T) {
    const InterpolateMeshGradBarycentricArgs<T> args{.gy = gy.data<T>(),
                                                     .attributes = attributes.data<T>(),
                                                     .triangle = triangles.data<Index>(),
                                                     .id = raster.triangle.data<Index>(),
                                                     .gb = gb.data<T>(),
                                                     .vertices = attributes.shape()[1],
                                                     .pixels = shape[1] * shape[2],
                                                     .channels = gy.shape()[3]};
    for_ranges(raster.triangle.numel(), args.channels + 3, [&](Index begin, Index end) {
      reference::interpolate_mesh_grad_barycentric(args, begin, end);
    });
  });
  return gb;
}

Tensor interpolate_mesh_grad_attributes(const Tensor& gy, const Raster& raster,
                                        const Tensor& triangles, Index vertices) {
  constexpr const char* kOp = "interpolate_mesh gradient";
  check_same_dtype(kOp, {&gy, &raster.barycentric});
  RF_CHECK_SHAPE(gy.shape().rank() == 4 && vertices >= 0, kOp, "dL/dy ", gy.shape(), " for ",
                 vertices, " vertices must be [N, H, W, C] for at least 0");
  Tensor ga = Tensor::empty({gy.shape()[0], vertices, gy.shape()[3]}, gy.dtype());
  check_gradient(kOp, gy, interpolate_mesh_out_shape(raster.barycentric.shape(), ga.shape()));
  check_raster(kOp, raster, triangles, vertices);
  if (ga.numel() == 0) return ga;
  with_float_type(gy, [&]<class T>(T) {
    const InterpolateMeshGradAttributesArgs<T> args{.gy = gy.data<T>(),
                                                    .barycentric = raster.barycentric.data<T>(),
                                                    .triangle = triangles.data<Index>(),
                                                    .id = raster.triangle.data<Index>(),
                                                    .ga = ga.data<T>(),
                                                    .vertices = vertices,
                                                    .pixels = gy.shape()[1] * gy.shape()[2],
                                                    .channels = gy.shape()[3]};
    // Pixels of one image meet at its vertices: an image is one chunk.
    constexpr Index kLine = 64;
    const Index bytes = checked_mul(vertices * args.channels, size_of(DType::f64));
    parallel_for(gy.shape()[0], static_cast<std::size_t>(ceil_div(bytes, kLine) * kLine),
                 [&](Index image, std::byte* scratch) {
                   reference::interpolate_mesh_grad_attributes(args, image,
                                                               reinterpret_cast<double*>(scratch));
                 });
  });
  return ga;
}

}  // namespace rf
