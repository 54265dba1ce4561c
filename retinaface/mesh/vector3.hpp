// Points and vectors of space, as meshes hold them.
#pragma once

#include <array>
#include <cmath>

namespace rf::vector3 {

using Vector = std::array<double, 3>;

[[nodiscard]] inline Vector minus(const Vector& a, const Vector& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

[[nodiscard]] inline double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

[[nodiscard]] inline Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

[[nodiscard]] inline double length(const Vector& a) { return std::sqrt(dot(a, a)); }

// Twice the area of the triangle, along its normal: outward when a, b, c run counter-clockwise.
[[nodiscard]] inline Vector normal(const Vector& a, const Vector& b, const Vector& c) {
  return cross(minus(b, a), minus(c, a));
}

}  // namespace rf::vector3
