// A face's mesh as it is drawn over a picture: what mesh_overlay.cpp lays over it, pixel by pixel.
#pragma once

#include <array>
#include <vector>

#include "engine/image.hpp"
#include "layers/mesh_graph.hpp"
#include "retinaface/dense/dense_branch.hpp"

namespace rf {

// Places in pixels are limited to this, far outside of any picture.
inline constexpr double kFarFromPictures = 1e7;

struct OverlaySurface {
  using Vector = std::array<double, 3>;

  // Pixels of the picture; none when right <= left or bottom <= top.
  struct Window {
    Index left, top, right, bottom;
    [[nodiscard]] bool empty() const { return right <= left || bottom <= top; }
  };

  std::vector<Vector> points;   // of each vertex: column and row in pixels of the picture, depth
  std::vector<Vector> normals;  // in the camera's axes: x right, y down, z away
  std::vector<char> outside;    // of each triangle: its outer side is seen
  std::vector<std::array<float, 3>> heights;  // over each corner's opposite edge, in pixels
  double line = 0;  // opacity of the edges, 0 where they would be too close to each other
  Window window{};  // around the vertices in front of the camera, as far as the picture goes
};

// Requires finite numbers and as many vertices as `normals` were made for.
[[nodiscard]] OverlaySurface overlay_surface(const DenseFace& face, Triangles triangles,
                                             const VertexNormals& normals, const Image& picture);

}  // namespace rf
