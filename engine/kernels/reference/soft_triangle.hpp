// One triangle at one pixel, for the soft rasterizer: engine/ops/soft_rasterize.hpp has the
// equations and names, docs/ops/soft_rasterize.md the derivatives.
#pragma once

#include "engine/kernels/reference/mesh_triangle.hpp"

namespace rf::reference {

struct Point {
  double x, y;
};

inline Point operator-(const Point& a, const Point& b) { return {a.x - b.x, a.y - b.y}; }
inline double dot(const Point& a, const Point& b) { return a.x * b.x + a.y * b.y; }

// What the parameters come to.
struct SoftBlend {
  double sigma, gamma;
  double inverse_far, nearness_scale;  // n = nearness_scale (1 / w - inverse_far)
  double farthest_square;              // d^2 where D is the cutoff
};

// What all pixels ask of a triangle.
struct SoftTriangle {
  const Index* corner;
  Vector v[3];
  Vector normal[3];          // e_i = p . normal_i, positive inside
  double sign;               // of the determinant
  Point at[3];               // in the picture
  Point edge[3];             // at[i + 1] - at[i]
  double inverse_square[3];  // 1 / |edge|^2, 0 for one that is too short
  Point low, high;           // pixels outside this box are farther than the reach

  // corner, at, low and high; whether all three can be projected. `screen`: of project_vertices().
  [[nodiscard]] bool place(const double* screen, const Index* corners, double reach) noexcept;
  // After place(), the rest; whether the triangle is drawn at all.
  template <class T>
  [[nodiscard]] bool shape(const T* clip) noexcept;
};

// A triangle that counts at a pixel.
struct SoftSample {
  const SoftTriangle* triangle;
  double sign;                 // 1 inside, -1 outside
  double coverage, uncovered;  // D and 1 - D
  int edge;                    // the nearest,
  double along;                // from its first end, 0, to its second, 1,
  Point offset;                // the nearest point of it, from the pixel
  double b[3];                 // barycentrics, clamped
  double e_sum;                // of the e that are not clamped
  double w, nearness;
  bool between;   // near and far, so that nearness changes with w
  double weight;  // u, set once the nearest is known
};

// Whether the triangle counts at the pixel with this centre. Sets all but the weight.
[[nodiscard]] bool sample(const SoftTriangle& triangle, const Point& centre, const SoftBlend& blend,
                          SoftSample& to) noexcept;

// dL/d of what sample() found, for one triangle at one pixel.
struct SoftSampleGrad {
  double exponent;  // s d^2 / sigma
  double nearness;
  double b[3];
};

// Adds dL/d (x, y, w) of vertex v to sums[3 v ..].
void add_sample_grad(const SoftSample& sample, const Point& centre, const SoftBlend& blend,
                     const SoftSampleGrad& grad, double* sums) noexcept;

}  // namespace rf::reference
