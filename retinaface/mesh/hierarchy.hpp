// Hierarchies of meshes: each level a simplification of the one before.
#pragma once

#include <span>
#include <vector>

#include "retinaface/mesh/simplify.hpp"

namespace rf {

struct MeshHierarchy {
  std::vector<MeshLevel> levels;           // from the finest; level 0 simplifies the input
  std::vector<std::vector<Index>> origin;  // of each level: the row of the input of each vertex
};

// simplify to each of `targets`, which fall, with the poses of the level before. `kept`: rows of
// the input that every level keeps. Throws ShapeError as simplify does, before any work where the
// targets do not fall.
[[nodiscard]] MeshHierarchy build_hierarchy(std::span<const TriangleMesh> poses,
                                            std::span<const Index> targets,
                                            std::span<const Index> kept = {});

}  // namespace rf
