#include "retinaface/mesh/closest_point.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/check.hpp"

namespace rf {

namespace {

using Point = std::span<const double>;
using Weights = std::array<double, 3>;

constexpr Index kLeaf = 4;  // triangles

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// (p - o) . (q - o)
double product(Point p, Point q, Point o) {
  double sum = 0;
  for (std::size_t i = 0; i < o.size(); ++i) sum += (p[i] - o[i]) * (q[i] - o[i]);
  return sum;
}

double distance2(Point x, const std::array<Point, 3>& corners, const Weights& w) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = x[i] - (w[0] * corners[0][i] + w[1] * corners[1][i] + w[2] * corners[2][i]);
    sum += d * d;
  }
  return sum;
}

// The foot of x on the triangle's plane, if it is inside; from the normal equations of
// min |x - a - v (b - a) - w (c - a)|.
bool inside(Point x, const std::array<Point, 3>& corners, Weights& weights) {
  const auto& [a, b, c] = corners;
  const double bb = product(b, b, a), bc = product(b, c, a), cc = product(c, c, a);
  const double xb = product(x, b, a), xc = product(x, c, a);
  const double determinant = bb * cc - bc * bc;
  if (!(determinant > 0)) return false;  // no area
  const double v = (cc * xb - bc * xc) / determinant, w = (bb * xc - bc * xb) / determinant;
  weights = {1 - v - w, v, w};
  return v >= 0 && w >= 0 && weights[0] >= 0;
}

// The closest point of the edge from corner i to the next.
Weights on_edge(Point x, const std::array<Point, 3>& corners, std::size_t i) {
  const std::size_t next = (i + 1) % 3;
  const double length2 = product(corners[next], corners[next], corners[i]);
  const double along = product(x, corners[next], corners[i]);
  const double t = length2 > 0 ? std::clamp(along / length2, 0.0, 1.0) : 0.0;
  Weights weights{};
  weights[i] = 1 - t;
  weights[next] = t;
  return weights;
}

}  // namespace

ClosestPoint::ClosestPoint(std::span<const double> points, Index dimensions,
                           std::span<const std::array<Index, 3>> triangles)
    : points_(points), dimensions_(dimensions), triangles_(triangles), order_(triangles.size()) {
  RF_ASSERT(!triangles.empty());
  std::iota(order_.begin(), order_.end(), Index{0});
  std::vector<double> centres;
  centres.reserve(triangles.size() * at(dimensions));
  for (const auto& t : triangles) {
    for (Index i = 0; i < dimensions; ++i)
      centres.push_back((point(t[0])[at(i)] + point(t[1])[at(i)] + point(t[2])[at(i)]) / 3);
  }
  build(0, static_cast<Index>(order_.size()), centres);
}

std::span<const double> ClosestPoint::point(Index vertex) const {
  return points_.subspan(at(vertex * dimensions_), at(dimensions_));
}

Index ClosestPoint::build(Index first, Index last, const std::vector<double>& centres) {
  const Index node = static_cast<Index>(nodes_.size());
  nodes_.push_back({first, last});
  std::vector<double> low(at(dimensions_), std::numeric_limits<double>::infinity()), high(low);
  for (double& x : high) x = -x;
  for (Index i = first; i < last; ++i) {
    for (const Index v : triangles_[at(order_[at(i)])]) {
      for (std::size_t k = 0; k < low.size(); ++k) {
        low[k] = std::min(low[k], point(v)[k]);
        high[k] = std::max(high[k], point(v)[k]);
      }
    }
  }
  boxes_.insert(boxes_.end(), low.begin(), low.end());
  boxes_.insert(boxes_.end(), high.begin(), high.end());
  if (last - first <= kLeaf) return node;

  Index axis = 0;
  for (Index k = 1; k < dimensions_; ++k) {
    if (high[at(k)] - low[at(k)] > high[at(axis)] - low[at(axis)]) axis = k;
  }
  const auto before = [&](Index a, Index b) {
    const double of_a = centres[at(a * dimensions_ + axis)],
                 of_b = centres[at(b * dimensions_ + axis)];
    return of_a != of_b ? of_a < of_b : a < b;
  };
  const Index middle = first + (last - first) / 2;
  std::nth_element(order_.begin() + first, order_.begin() + middle, order_.begin() + last, before);
  const Index left = build(first, middle, centres), right = build(middle, last, centres);
  nodes_[at(node)].left = left;
  nodes_[at(node)].right = right;
  return node;
}

double ClosestPoint::box_distance2(Index node, std::span<const double> x) const {
  const double* low = boxes_.data() + 2 * dimensions_ * node;
  const double* high = low + dimensions_;
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double d = std::max({low[k] - x[k], x[k] - high[k], 0.0});
    sum += d * d;
  }
  return sum;
}

void ClosestPoint::search(Index node, std::span<const double> x, Result& best) const {
  const Node& n = nodes_[at(node)];
  if (n.left == 0) {
    for (Index i = n.first; i < n.last; ++i) {
      const Index t = order_[at(i)];
      const auto& vertices = triangles_[at(t)];
      const std::array<Point, 3> corners{point(vertices[0]), point(vertices[1]),
                                         point(vertices[2])};
      const auto consider = [&](const Weights& weights) {
        const double d = distance2(x, corners, weights);
        if (d < best.distance2 || (d == best.distance2 && t < best.triangle))
          best = {t, weights, d};
      };
      Weights weights{};
      if (inside(x, corners, weights)) {
        consider(weights);
      } else {
        for (std::size_t edge = 0; edge < 3; ++edge) consider(on_edge(x, corners, edge));
      }
    }
    return;
  }
  const double left = box_distance2(n.left, x), right = box_distance2(n.right, x);
  const bool swap = right < left;
  // Equal distances are looked into too, for the triangle that is named first.
  if (std::min(left, right) <= best.distance2) search(swap ? n.right : n.left, x, best);
  if (std::max(left, right) <= best.distance2) search(swap ? n.left : n.right, x, best);
}

ClosestPoint::Result ClosestPoint::of(std::span<const double> x) const {
  Result best;
  best.distance2 = std::numeric_limits<double>::infinity();
  search(0, x, best);
  return best;
}

}  // namespace rf
