#include "engine/ops/project_mesh.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct ProjectMeshNode final : Node {
  Index size;
  explicit ProjectMeshNode(Index pixels) : size(pixels) {}
  const char* name() const override { return "project_mesh"; }
  Attributes attributes() const override { return {{"size", static_cast<double>(size)}}; }
  void backward(const Tensor& gy) override {
    const ProjectMeshGrad grad =
        project_mesh_grad(gy, input(0).value(), input(1).value(), size, wants(0), wants(1));
    if (wants(0)) input(0).accumulate(grad.vertices);
    if (wants(1)) input(1).accumulate(grad.camera);
  }
};

}  // namespace

Var project_mesh(const Var& vertices, const Var& camera, Index size) {
  return record<ProjectMeshNode>(rf::project_mesh(vertices.value(), camera.value(), size),
                                 {vertices, camera}, size);
}

}  // namespace rf::ag
