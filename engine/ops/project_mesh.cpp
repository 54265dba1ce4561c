#include "engine/ops/project_mesh.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

constexpr const char* kOp = "project";

void check(const Tensor& vertices, const Tensor& camera, Index size) {
  const Shape &v = vertices.shape(), &c = camera.shape();
  RF_CHECK_SHAPE(v.rank() == 3 && v[2] == 3, kOp, "vertices ", v, " must be [N, V, 3]");
  RF_CHECK_SHAPE(c == (Shape{v[0], 7}), kOp, "camera ", c, " must be [", v[0], ", 7]");
  RF_CHECK_SHAPE(size >= 1, kOp, "a picture of ", size, " pixels");
}

}  // namespace

Tensor project_mesh(const Tensor& vertices, const Tensor& camera, Index size) {
  check_same_dtype(kOp, {&vertices, &camera});
  check(vertices, camera, size);
  Tensor clip = Tensor::empty(vertices.shape().with(2, 4), vertices.dtype());
  if (clip.numel() == 0) return clip;
  with_float_type(vertices, [&]<class T>(T) {
    const ProjectMeshArgs<T> args{.vertices = vertices.data<T>(),
                                  .camera = camera.data<T>(),
                                  .clip = clip.data<T>(),
                                  .per_image = vertices.shape()[1],
                                  .size = static_cast<double>(size)};
    for_ranges(clip.numel() / 4, 4,
               [&](Index begin, Index end) { reference::project_mesh(args, begin, end); });
  });
  return clip;
}

ProjectMeshGrad project_mesh_grad(const Tensor& gclip, const Tensor& vertices, const Tensor& camera,
                                  Index size, bool of_vertices, bool of_camera) {
  check_same_dtype("project gradient", {&gclip, &vertices, &camera});
  check(vertices, camera, size);
  RF_CHECK_SHAPE(gclip.shape() == vertices.shape().with(2, 4), "project gradient", "dL/dclip is ",
                 gclip.shape(), ", clip was ", vertices.shape().with(2, 4));
  ProjectMeshGrad grad;
  if (of_vertices) grad.vertices = Tensor::empty(vertices.shape(), vertices.dtype());
  if (of_camera) grad.camera = Tensor::empty(camera.shape(), camera.dtype());
  with_float_type(vertices, [&]<class T>(T) {
    const ProjectMeshGradArgs<T> args{.gclip = gclip.data<T>(),
                                      .vertices = vertices.data<T>(),
                                      .camera = camera.data<T>(),
                                      .gvertices = of_vertices ? grad.vertices.data<T>() : nullptr,
                                      .gcamera = of_camera ? grad.camera.data<T>() : nullptr,
                                      .per_image = vertices.shape()[1],
                                      .size = static_cast<double>(size)};
    parallel_for(vertices.shape()[0],
                 [&](Index image) { reference::project_mesh_grad(args, image); });
  });
  return grad;
}

}  // namespace rf
