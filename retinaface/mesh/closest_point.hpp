// The point of a mesh that is closest to a given one, in any number of dimensions.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// A tree of boxes around triangles. Deterministic: of triangles equally near, the one named first.
class ClosestPoint {
 public:
  // `points`: [V, dimensions], row-major. Copies nothing: both must outlive this. Requires indices
  // from 0 to V - 1 and at least one triangle.
  ClosestPoint(std::span<const double> points, Index dimensions,
               std::span<const std::array<Index, 3>> triangles);

  struct Result {
    Index triangle = 0;
    std::array<double, 3> weights{};  // barycentric, of the triangle's corners: >= 0, sum 1
    double distance2 = 0;             // squared
  };

  // `x`: [dimensions], finite.
  [[nodiscard]] Result of(std::span<const double> x) const;

 private:
  struct Node {
    Index first, last;          // of order_
    Index left = 0, right = 0;  // children; 0: a leaf
  };

  Index build(Index first, Index last, const std::vector<double>& centres);
  [[nodiscard]] std::span<const double> point(Index vertex) const;
  [[nodiscard]] double box_distance2(Index node, std::span<const double> x) const;
  void search(Index node, std::span<const double> x, Result& best) const;

  std::span<const double> points_;
  Index dimensions_;
  std::span<const std::array<Index, 3>> triangles_;
  std::vector<Index> order_;  // triangles, those of a node together
  std::vector<Node> nodes_;
  std::vector<double> boxes_;  // [nodes, 2, dimensions]: low, high
};

}  // namespace rf
