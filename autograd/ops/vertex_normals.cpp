#include "engine/ops/vertex_normals.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct VertexNormalsNode final : Node {
  Tensor triangles;
  explicit VertexNormalsNode(Tensor t) : triangles(std::move(t)) {}
  const char* name() const override { return "vertex_normals"; }
  void backward(const Tensor& gy) override {
    input(0).accumulate(vertex_normals_grad(gy, input(0).value(), triangles));
  }
};

}  // namespace

Var vertex_normals(const Var& vertices, const Tensor& triangles) {
  return record<VertexNormalsNode>(rf::vertex_normals(vertices.value(), triangles), {vertices},
                                   triangles);
}

}  // namespace rf::ag
