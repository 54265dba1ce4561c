// Several poses of one topology as points of one space: vertex v is the point of 3 P coordinates
// that lists its places in the P poses.
#pragma once

#include <span>
#include <vector>

#include "retinaface/mesh/triangle_mesh.hpp"
#include "retinaface/mesh/vector3.hpp"

namespace rf {

class StackedPoses {
 public:
  // Coordinates are moved and scaled, all poses alike, so that they lie within 1 of the origin.
  // Throws ShapeError: no pose, one that check_mesh refuses, poses of different vertex counts or
  // triangles.
  explicit StackedPoses(std::span<const TriangleMesh> poses);

  [[nodiscard]] Index vertices() const { return vertices_; }
  [[nodiscard]] Index poses() const { return poses_; }

  // The unit of the scaled coordinates, in that of the poses; above 0.
  [[nodiscard]] double unit() const { return unit_; }

  // [V, P, 3].
  [[nodiscard]] std::span<const double> coordinates() const { return coordinates_; }

  // [3 P] of a vertex; and its place in one pose.
  [[nodiscard]] std::span<const double> point(Index vertex) const {
    return std::span(coordinates_)
        .subspan(static_cast<std::size_t>(3 * poses_ * vertex),
                 static_cast<std::size_t>(3 * poses_));
  }
  [[nodiscard]] vector3::Vector place(Index vertex, Index pose) const {
    const double* p = point(vertex).data() + 3 * pose;
    return {p[0], p[1], p[2]};
  }

 private:
  Index vertices_ = 0, poses_ = 0;
  double unit_ = 1;
  std::vector<double> coordinates_;
};

}  // namespace rf
