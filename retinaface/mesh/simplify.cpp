#include "retinaface/mesh/simplify.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/check.hpp"
#include "retinaface/mesh/closest_point.hpp"
#include "retinaface/mesh/edge_collapse.hpp"

namespace rf {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct UpSampling {
  std::vector<CsrMatrix::Triplet> entries;
  double sum = 0, maximum = 0;  // of distances, in the unit of `places`
};

// `triangles` are those of the coarse mesh with the rows of the finer one; coarse_row gives the
// rows of the coarse one, -1 for vertices that are not there.
UpSampling up_sampling(const StackedPoses& places,
                       const std::vector<std::array<Index, 3>>& triangles,
                       const std::vector<Index>& coarse_row) {
  UpSampling up;
  std::optional<ClosestPoint> closest;
  for (Index v = 0; v < places.vertices(); ++v) {
    if (coarse_row[at(v)] >= 0) {
      up.entries.push_back({v, coarse_row[at(v)], 1});
      continue;
    }
    // A collapse leaves a triangle, so there are some.
    if (!closest) closest.emplace(places.coordinates(), 3 * places.poses(), triangles);
    const ClosestPoint::Result nearest = closest->of(places.point(v));
    for (std::size_t i = 0; i < 3; ++i) {
      const Index corner = triangles[at(nearest.triangle)][i];
      if (nearest.weights[i] > 0)
        up.entries.push_back({v, coarse_row[at(corner)], nearest.weights[i]});
    }
    const double distance = std::sqrt(nearest.distance2 / static_cast<double>(places.poses()));
    up.sum += distance;
    up.maximum = std::max(up.maximum, distance);
  }
  return up;
}

}  // namespace

MeshLevel simplify(std::span<const TriangleMesh> poses, Index target, std::span<const Index> kept) {
  const StackedPoses places(poses);
  RF_CHECK_SHAPE(target >= 1, "simplify", "a target of ", target, " vertices; at least 1 is left");
  for (const Index v : kept) {
    RF_CHECK_SHAPE(v >= 0 && v < places.vertices(), "simplify", "vertex ", v, " is to be kept, of ",
                   places.vertices());
  }
  EdgeCollapse edges(places, poses[0].triangles, kept);
  const Index left = edges.run(target);
  std::vector<std::array<Index, 3>> triangles = edges.mesh().triangles();

  TriangleMesh mesh;
  std::vector<Index> keep, coarse_row(at(places.vertices()), -1);
  for (Index v = 0; v < places.vertices(); ++v) {
    if (edges.mesh().is_removed(v)) continue;
    coarse_row[at(v)] = static_cast<Index>(keep.size());
    keep.push_back(v);
    mesh.vertices.push_back(poses[0].vertices[at(v)]);
    if (!poses[0].colours.empty()) mesh.colours.push_back(poses[0].colours[at(v)]);
  }
  const UpSampling up = up_sampling(places, triangles, coarse_row);
  for (auto& triangle : triangles) {
    for (Index& v : triangle) v = coarse_row[at(v)];
  }
  mesh.triangles = std::move(triangles);
  const double count = std::max(1.0, static_cast<double>(places.vertices()));
  return {.mesh = std::move(mesh),
          .keep = std::move(keep),
          .up = CsrMatrix::from_triplets(places.vertices(), left, up.entries),
          .mean_distance = places.unit() * (up.sum / count),
          .max_distance = places.unit() * up.maximum,
          .reached = left <= target};
}

}  // namespace rf
