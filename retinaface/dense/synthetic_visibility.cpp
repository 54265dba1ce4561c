#include <algorithm>
#include <array>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/dense/synthetic.hpp"

namespace rf {

namespace {

// A vertex as it is seen: column, row, and 1 / depth, which is linear over a triangle's picture.
using Seen = std::array<double, 3>;

Seen seen(const float* clip) {
  const double w = static_cast<double>(clip[3]);
  return {static_cast<double>(clip[0]) / w, static_cast<double>(clip[1]) / w, 1 / w};
}

// Twice the area of a triangle's picture, with the sign of its turn.
double area(const Seen& a, const Seen& b, const Seen& c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

// Whether p lies outside of the triangle's upright box, as nearly all do.
bool is_far(const Seen& p, const Seen& a, const Seen& b, const Seen& c) {
  return p[0] < std::min({a[0], b[0], c[0]}) || p[0] > std::max({a[0], b[0], c[0]}) ||
         p[1] < std::min({a[1], b[1], c[1]}) || p[1] > std::max({a[1], b[1], c[1]});
}

// The depth of a triangle where `p` is seen; `otherwise` if it is not there.
double depth_at(const Seen& p, const Seen& a, const Seen& b, const Seen& c, double otherwise) {
  if (is_far(p, a, b, c)) return otherwise;
  const double at_a = area(p, b, c), at_b = area(a, p, c), at_c = area(a, b, p),
               whole = at_a + at_b + at_c;
  if (whole == 0 || std::min({at_a / whole, at_b / whole, at_c / whole}) < 0) return otherwise;
  return whole / (at_a * a[2] + at_b * b[2] + at_c * c[2]);
}

}  // namespace

std::vector<bool> visible_vertices(const Tensor& clip, const Tensor& triangles,
                                   const std::vector<Index>& vertices, double tolerance) {
  RF_CHECK_SHAPE(clip.shape().rank() == 3 && clip.shape()[0] == 1 && clip.shape()[2] == 4,
                 "visible_vertices", "vertices ", clip.shape(), " must be [1, V, 4]");
  const float* places = clip.data<float>();
  std::vector<Seen> points;
  for (Index v = 0; v < clip.shape()[1]; ++v) points.push_back(seen(places + 4 * v));
  const auto point = [&](Index v) -> const Seen& { return points[static_cast<std::size_t>(v)]; };
  std::vector<bool> visible(vertices.size(), true);
  const Index* corners = triangles.data<Index>();
  for (Index t = 0; t < triangles.shape()[0]; ++t, corners += 3) {
    const Seen &a = point(corners[0]), &b = point(corners[1]), &c = point(corners[2]);
    for (std::size_t i = 0; i < vertices.size(); ++i) {
      const Seen& p = point(vertices[i]);
      const double depth = 1 / p[2];
      if (depth_at(p, a, b, c, depth) < depth - tolerance) visible[i] = false;
    }
  }
  return visible;
}

}  // namespace rf
