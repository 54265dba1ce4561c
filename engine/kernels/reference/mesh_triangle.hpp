// A triangle of a mesh in homogeneous coordinates, as the hard and the soft rasterizer see it:
// engine/ops/rasterize.hpp has the equations.
#pragma once

#include "engine/shape.hpp"

namespace rf::reference {

struct Vector {
  double x, y, w;
};

// Turned around, b x a, this has exactly the opposite sign: of a shared edge both triangles see the
// same line. (No fused multiply-add may come into it: reference kernels are compiled without.)
inline Vector cross(const Vector& a, const Vector& b) {
  return {a.y * b.w - a.w * b.y, a.w * b.x - a.x * b.w, a.x * b.y - a.y * b.x};
}

inline double dot(const Vector& a, const Vector& b) { return a.x * b.x + a.y * b.y + a.w * b.w; }

inline double size(double x) { return x < 0 ? -x : x; }

// More than the determinant of these vectors may be off by: a small multiple of the rounding of
// its six products.
inline double rounding(const Vector& a, const Vector& b, const Vector& c) {
  return 2e-15 * (size(a.x) * (size(b.y * c.w) + size(b.w * c.y)) +
                  size(a.y) * (size(b.w * c.x) + size(b.x * c.w)) +
                  size(a.w) * (size(b.x * c.y) + size(b.y * c.x)));
}

// One triangle of one image.
template <class T>
struct Corners {
  Vector v[3];
  double z[3];
  Corners(const T* clip, const Index* triangle) {
    for (int i = 0; i < 3; ++i) {
      const T* c = clip + 4 * triangle[i];
      v[i] = {static_cast<double>(c[0]), static_cast<double>(c[1]), static_cast<double>(c[3])};
      z[i] = static_cast<double>(c[2]);
    }
  }
};

inline double least(double a, double b, double c) {
  const double m = a < b ? a : b;
  return m < c ? m : c;
}
inline double largest(double a, double b, double c) { return -least(-a, -b, -c); }

}  // namespace rf::reference
