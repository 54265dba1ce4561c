#include "retinaface/mesh/hierarchy.hpp"

#include <algorithm>

#include "engine/check.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// The level in all poses.
std::vector<TriangleMesh> poses_of(const MeshLevel& level, std::span<const TriangleMesh> finer) {
  std::vector<TriangleMesh> poses(finer.size());
  poses[0] = level.mesh;
  for (std::size_t p = 1; p < finer.size(); ++p) {
    for (const Index row : level.keep) poses[p].vertices.push_back(finer[p].vertices[at(row)]);
    poses[p].triangles = level.mesh.triangles;
  }
  return poses;
}

}  // namespace

MeshHierarchy build_hierarchy(std::span<const TriangleMesh> poses, std::span<const Index> targets,
                              std::span<const Index> kept) {
  for (std::size_t i = 1; i < targets.size(); ++i) {
    RF_CHECK_SHAPE(targets[i] < targets[i - 1], "mesh hierarchy", targets[i], " vertices after ",
                   targets[i - 1], "; each level has fewer than the one before");
  }
  MeshHierarchy hierarchy;
  std::vector<TriangleMesh> level_poses;
  std::vector<Index> level_kept(kept.begin(), kept.end());
  for (const Index target : targets) {
    const std::span<const TriangleMesh> finer = hierarchy.levels.empty() ? poses : level_poses;
    MeshLevel level = simplify(finer, target, level_kept);
    level_poses = poses_of(level, finer);
    for (Index& v : level_kept) {
      v = std::lower_bound(level.keep.begin(), level.keep.end(), v) - level.keep.begin();
    }
    std::vector<Index> origin = level.keep;
    if (!hierarchy.origin.empty()) {
      for (Index& row : origin) row = hierarchy.origin.back()[at(row)];
    }
    hierarchy.origin.push_back(std::move(origin));
    hierarchy.levels.push_back(std::move(level));
  }
  return hierarchy;
}

}  // namespace rf
