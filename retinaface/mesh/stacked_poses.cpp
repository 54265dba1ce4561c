#include "retinaface/mesh/stacked_poses.hpp"

#include <algorithm>
#include <cmath>

#include "engine/check.hpp"

namespace rf {

StackedPoses::StackedPoses(std::span<const TriangleMesh> poses) {
  RF_CHECK_SHAPE(!poses.empty(), "simplify", "at least one pose is needed");
  for (std::size_t p = 0; p < poses.size(); ++p) {
    check_mesh(poses[p], message("simplify: pose ", p));
    RF_CHECK_SHAPE(poses[p].vertices.size() == poses[0].vertices.size(), "simplify", "pose ", p,
                   " has ", poses[p].vertices.size(), " vertices, pose 0 has ",
                   poses[0].vertices.size());
    RF_CHECK_SHAPE(poses[p].triangles == poses[0].triangles, "simplify", "pose ", p,
                   " has other triangles than pose 0");
  }
  vertices_ = static_cast<Index>(poses[0].vertices.size());
  poses_ = static_cast<Index>(poses.size());
  if (vertices_ == 0) return;

  // Around the middle of all poses: products of coordinates far from the origin would cancel.
  std::array<double, 3> low = poses[0].vertices[0], high = low, middle{};
  for (const TriangleMesh& pose : poses) {
    for (const auto& v : pose.vertices) {
      for (std::size_t i = 0; i < 3; ++i) {
        low[i] = std::min(low[i], v[i]);
        high[i] = std::max(high[i], v[i]);
      }
    }
  }
  double extent = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    middle[i] = low[i] / 2 + high[i] / 2;
    extent = std::max(extent, high[i] - low[i]);
  }
  if (extent > 0) unit_ = extent;
  coordinates_.reserve(static_cast<std::size_t>(checked_mul(3 * poses_, vertices_)));
  for (std::size_t v = 0; v < poses[0].vertices.size(); ++v) {
    for (const TriangleMesh& pose : poses) {
      for (std::size_t i = 0; i < 3; ++i)
        coordinates_.push_back((pose.vertices[v][i] - middle[i]) / unit_);
    }
  }
}

}  // namespace rf
