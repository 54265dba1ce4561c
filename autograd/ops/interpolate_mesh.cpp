#include "engine/ops/interpolate_mesh.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct InterpolateMeshNode final : Node {
  Tensor triangle_ids, triangles;
  InterpolateMeshNode(Tensor ids, Tensor t)
      : triangle_ids(std::move(ids)), triangles(std::move(t)) {}
  const char* name() const override { return "interpolate_mesh"; }
  void backward(const Tensor& gy) override {
    const Raster raster{.triangle = triangle_ids, .barycentric = input(0).value()};
    const Tensor& attributes = input(1).value();
    if (wants(0)) {
      input(0).accumulate(interpolate_mesh_grad_barycentric(gy, raster, triangles, attributes));
    }
    if (wants(1)) {
      input(1).accumulate(
          interpolate_mesh_grad_attributes(gy, raster, triangles, attributes.shape()[1]));
    }
  }
};

}  // namespace

Var interpolate_mesh(const Var& barycentric, const Tensor& triangle_ids, const Tensor& triangles,
                     const Var& attributes) {
  const Raster raster{.triangle = triangle_ids, .barycentric = barycentric.value()};
  return record<InterpolateMeshNode>(rf::interpolate_mesh(raster, triangles, attributes.value()),
                                     {barycentric, attributes}, triangle_ids, triangles);
}

}  // namespace rf::ag
