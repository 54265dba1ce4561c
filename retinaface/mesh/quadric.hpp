// Quadrics: sums of weighted squared distances to planes and points, as a function of the place
// (Garland and Heckbert, "Surface simplification using quadric error metrics", SIGGRAPH 1997).
#pragma once

#include <array>

#include "retinaface/mesh/vector3.hpp"

namespace rf {

// Q(x) = x^T A x + 2 b^T x + c, A symmetric.
class Quadric {
 public:
  // weight (n^T (x - p))^2 for a unit vector n: the plane through p.
  void add_plane(const vector3::Vector& n, const vector3::Vector& p, double weight) {
    const double d = -vector3::dot(n, p);
    const std::array<double, 10> terms{n[0] * n[0], n[0] * n[1], n[0] * n[2], n[1] * n[1],
                                       n[1] * n[2], n[2] * n[2], d * n[0],    d * n[1],
                                       d * n[2],    d * d};
    for (std::size_t i = 0; i < terms.size(); ++i) terms_[i] += weight * terms[i];
  }

  // weight |x - p|^2.
  void add_point(const vector3::Vector& p, double weight) {
    for (double* diagonal : {&terms_[0], &terms_[3], &terms_[5]}) *diagonal += weight;
    for (std::size_t i = 0; i < 3; ++i) terms_[6 + i] -= weight * p[i];
    terms_[9] += weight * vector3::dot(p, p);
  }

  void add(const Quadric& other) {
    for (std::size_t i = 0; i < terms_.size(); ++i) terms_[i] += other.terms_[i];
  }

  [[nodiscard]] double at(const vector3::Vector& x) const {
    const auto& [xx, xy, xz, yy, yz, zz, bx, by, bz, c] = terms_;
    return x[0] * (xx * x[0] + 2 * (xy * x[1] + xz * x[2] + bx)) +
           x[1] * (yy * x[1] + 2 * (yz * x[2] + by)) + x[2] * (zz * x[2] + 2 * bz) + c;
  }

 private:
  std::array<double, 10> terms_{};  // A by rows above the diagonal, b, c
};

}  // namespace rf
