// Pictures of coloured meshes (the paper's section 3.2.2): vertex normals, light, camera, hard
// rasterizer. Gradients reach places, colours, camera and light; which triangle a pixel shows is a
// constant.
#pragma once

#include "autograd/var.hpp"
#include "layers/mesh_graph.hpp"

namespace rf {

struct RenderedMeshes {
  ag::Var colour;   // [N, size, size, 3]: red, green, blue; 0 where there is no mesh
  Tensor triangle;  // i64 [N, size, size]: which one a pixel shows, -1 where there is none
  ag::Var clip;     // [N, V, 4]: project() of the vertices
};

class MeshRenderer {
 public:
  // Throws ShapeError: a corner that is no vertex.
  MeshRenderer(Index vertices, Triangles triangles);

  // mesh [N, V, 6]: x, y, z, red, green, blue. camera [N, 7] and light [N, 9]:
  // layers/mesh_camera.hpp. Pictures of `size` pixels a side. Throws ShapeError.
  [[nodiscard]] RenderedMeshes operator()(const ag::Var& mesh, const ag::Var& camera,
                                          const ag::Var& light, Index size) const;

  [[nodiscard]] const Tensor& triangles() const { return triangles_; }  // i64 [T, 3]

 private:
  VertexNormals normals_;
  Tensor triangles_;
};

}  // namespace rf
