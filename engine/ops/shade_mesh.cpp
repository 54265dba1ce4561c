#include "engine/ops/shade_mesh.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

constexpr const char* kOp = "shade";

void check(const Tensor& albedo, const Tensor& vertices, const Tensor& normals,
           const Tensor& light) {
  const Shape& shape = albedo.shape();
  RF_CHECK_SHAPE(shape.rank() == 3 && shape[2] == 3, kOp, "albedo ", shape, " must be [N, V, 3]");
  RF_CHECK_SHAPE(vertices.shape() == shape && normals.shape() == shape, kOp, "vertices ",
                 vertices.shape(), " and normals ", normals.shape(),
                 " must have the shape of the albedo, ", shape);
  RF_CHECK_SHAPE(light.shape() == (Shape{shape[0], 9}), kOp, "light ", light.shape(), " must be [",
                 shape[0], ", 9]");
}

}  // namespace

Tensor shade_mesh(const Tensor& albedo, const Tensor& vertices, const Tensor& normals,
                  const Tensor& light) {
  check_same_dtype(kOp, {&albedo, &vertices, &normals, &light});
  check(albedo, vertices, normals, light);
  Tensor y = Tensor::empty(albedo.shape(), albedo.dtype());
  if (y.numel() == 0) return y;
  with_float_type(albedo, [&]<class T>(T) {
    const ShadeMeshArgs<T> args{.albedo = albedo.data<T>(),
                                .vertices = vertices.data<T>(),
                                .normals = normals.data<T>(),
                                .light = light.data<T>(),
                                .y = y.data<T>(),
                                .per_image = albedo.shape()[1]};
    for_ranges(y.numel() / 3, 3,
               [&](Index begin, Index end) { reference::shade_mesh(args, begin, end); });
  });
  return y;
}

ShadeMeshGrad shade_mesh_grad(const Tensor& gy, const Tensor& albedo, const Tensor& vertices,
                              const Tensor& normals, const Tensor& light,
                              const ShadeMeshWants& wants) {
  check_same_dtype("shade gradient", {&gy, &albedo, &vertices, &normals, &light});
  check(albedo, vertices, normals, light);
  RF_CHECK_SHAPE(gy.shape() == albedo.shape(), "shade gradient", "dL/dy is ", gy.shape(),
                 ", the output was ", albedo.shape());
  ShadeMeshGrad grad;
  const auto make = [&](bool wanted, const Tensor& of, Tensor& g) {
    if (wanted) g = Tensor::empty(of.shape(), of.dtype());
  };
  make(wants.albedo, albedo, grad.albedo);
  make(wants.vertices, vertices, grad.vertices);
  make(wants.normals, normals, grad.normals);
  make(wants.light, light, grad.light);
  with_float_type(albedo, [&]<class T>(T) {
    const auto data = [](bool wanted, Tensor& g) { return wanted ? g.data<T>() : nullptr; };
    const ShadeMeshGradArgs<T> args{.gy = gy.data<T>(),
                                    .albedo = albedo.data<T>(),
                                    .vertices = vertices.data<T>(),
                                    .normals = normals.data<T>(),
                                    .light = light.data<T>(),
                                    .galbedo = data(wants.albedo, grad.albedo),
                                    .gvertices = data(wants.vertices, grad.vertices),
                                    .gnormals = data(wants.normals, grad.normals),
                                    .glight = data(wants.light, grad.light),
                                    .per_image = albedo.shape()[1]};
    parallel_for(albedo.shape()[0], [&](Index image) { reference::shade_mesh_grad(args, image); });
  });
  return grad;
}

}  // namespace rf
