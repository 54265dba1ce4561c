// Pictures of one coloured mesh, in front of a plain background: for people to look at.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/image.hpp"
#include "engine/tensor.hpp"
#include "retinaface/mesh/triangle_mesh.hpp"

namespace rf {

// From where a mesh is looked at, and in what light. Axes are the picture's: x to the right, y up,
// z to the viewer, which are a face's own while it is not turned (layers/mesh_camera.hpp).
struct PortraitView {
  // Degrees in [-180, 180]. First the mesh is turned by yaw (a nose goes to the picture's right),
  // then by pitch (a nose goes up), then by roll (clockwise).
  double yaw = 0, pitch = 0, roll = 0;
  // In widths of the picture, in [0.1, 100]. Short ones look from close by: near things large.
  double focal = 2;
  // Where the light is, from the middle of the mesh, in halves of its longest side. It stays with
  // the viewer when the mesh turns.
  std::array<double, 3> light{-2, 2.5, 6};
  // Of the light, in [0, 1]: what reaches every vertex. The rest comes from the place above.
  double ambient = 0.55;
  Index size = 512;   // of the picture, in pixels a side
  Index samples = 3;  // a side, for each pixel
  std::array<std::uint8_t, 3> background{255, 255, 255};
};

// The largest size * samples of a view: memory is about 40 bytes for each of their square.
inline constexpr Index kLargestPortrait = 4096;

// The mesh, f32 [V, 6] (x, y, z, red, green, blue in [0, 1]), as large as fits in the picture with
// a margin; vertices of no triangle do not count. Both sides of triangles are seen; only the outer
// one gets light from its place. Colours are averaged as they are, without a gamma. The same bytes
// for any number of threads. Throws ShapeError: another shape, a corner that is no vertex, no
// triangle, no extent, numbers that are not finite; UsageError: a view outside of what its comments
// say.
[[nodiscard]] Image portrait(const Tensor& mesh, std::span<const std::array<Index, 3>> triangles,
                             const PortraitView& view);

// Pictures of one size in rows of `columns`, the last row filled up with the background. Throws
// ShapeError: none, other sizes, no column.
[[nodiscard]] Image contact_sheet(std::span<const Image> pictures, Index columns,
                                  const std::array<std::uint8_t, 3>& background);

// A mesh as portrait() takes it: [V, 6]. One without colours gets a neutral grey.
[[nodiscard]] Tensor coloured_vertices(const TriangleMesh& mesh);

// A face [V, 6] as make_faces() makes them (one row of it) as a mesh, to be written to a file.
[[nodiscard]] TriangleMesh as_triangle_mesh(const Tensor& mesh,
                                            std::span<const std::array<Index, 3>> triangles);

}  // namespace rf
