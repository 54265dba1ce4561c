#include "engine/ops/shade_mesh.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct ShadeMeshNode final : Node {
  const char* name() const override { return "shade_mesh"; }
  void backward(const Tensor& gy) override {
    const ShadeMeshGrad grad = shade_mesh_grad(
        gy, input(0).value(), input(1).value(), input(2).value(), input(3).value(),
        {.albedo = wants(0), .vertices = wants(1), .normals = wants(2), .light = wants(3)});
    if (wants(0)) input(0).accumulate(grad.albedo);
    if (wants(1)) input(1).accumulate(grad.vertices);
    if (wants(2)) input(2).accumulate(grad.normals);
    if (wants(3)) input(3).accumulate(grad.light);
  }
};

}  // namespace

Var shade_mesh(const Var& albedo, const Var& vertices, const Var& normals, const Var& light) {
  return record<ShadeMeshNode>(
      rf::shade_mesh(albedo.value(), vertices.value(), normals.value(), light.value()),
      {albedo, vertices, normals, light});
}

}  // namespace rf::ag
