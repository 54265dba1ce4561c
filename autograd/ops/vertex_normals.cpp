#include "engine/ops/vertex_normals.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct VertexNormalsNode final : Node {
  Tensor triangles;
  MeshNormals normals;
  VertexNormalsNode(Tensor t, MeshNormals n) : triangles(std::move(t)), normals(std::move(n)) {}
  const char* name() const override { return "vertex_normals"; }
  void backward(const Tensor& gy) override {
    input(0).accumulate(vertex_normals_grad(gy, input(0).value(), triangles, normals));
  }
};

}  // namespace

Var vertex_normals(const Var& vertices, const Tensor& triangles) {
  const MeshNormals normals = rf::vertex_normals(vertices.value(), triangles);
  return record<VertexNormalsNode>(normals.unit, {vertices}, triangles, normals);
}

}  // namespace rf::ag
