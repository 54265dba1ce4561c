// Meshes of faces laid over the picture that they were read from (the paper's Figure 6): for people
// to look at.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/image.hpp"
#include "layers/mesh_graph.hpp"
#include "retinaface/dense/dense_branch.hpp"

namespace rf {

struct OverlayOptions {
  double alpha = 0.6;  // of the surface, in [0, 1]: 1 hides the picture behind it
  std::array<double, 3> colour{0.7, 0.83, 1};  // of the surface, red, green, blue in [0, 1]
  double lines = 0.3;  // of the triangles' edges, in [0, 1], where triangles are large enough
};

class MeshOverlay {
 public:
  // Of meshes with these triangles, counter-clockwise from outside. Throws ShapeError: a corner
  // that is no vertex.
  MeshOverlay(Index vertices, Triangles triangles);

  // The picture with the surfaces of these faces over it, each pixel as DenseFace::points say; the
  // light comes from above, to the viewer's left, whatever light the face was read with. Hidden
  // parts and insides are not drawn, and of two faces only the one in the larger square, which is
  // nearer as a rule. Outlines are smooth. Triangles with a corner behind the camera are left out.
  // Time grows with the pixels of the faces' boxes, memory does not. The same bytes for any number
  // of threads. Throws ShapeError: meshes of another size, numbers that are not finite; UsageError:
  // an option outside of what its comment says.
  [[nodiscard]] Image operator()(const Image& picture, std::span<const DenseFace> faces,
                                 const OverlayOptions& options = {}) const;

 private:
  Index vertices_;
  std::vector<std::array<Index, 3>> triangles_;
  Tensor corners_;  // i64 [T, 3]: the same
  VertexNormals normals_;
};

}  // namespace rf
