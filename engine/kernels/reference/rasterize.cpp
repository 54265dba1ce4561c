#include <limits>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/reference/mesh_triangle.hpp"

namespace rf::reference {

namespace {

// Smaller w and larger coordinates are not drawn; products of what is left stay far from the ends
// of double.
constexpr double kSmallestW = 1e-30, kLargest = 1e60;

// e(p) = p . normal, positive inside.
struct Edge {
  Vector normal;
  bool owns_its_line;
  Edge(const Vector& from, const Vector& to, double sign) : normal(cross(from, to)) {
    normal = {sign * normal.x, sign * normal.y, sign * normal.w};
    owns_its_line = normal.x > 0 || (normal.x == 0 && normal.y > 0);
  }
  [[nodiscard]] double row(double y) const { return normal.y * y + normal.w; }
  [[nodiscard]] bool covers(double e) const { return e > 0 || (e == 0 && owns_its_line); }
};

// The pixels of [first, end) whose centres lie in [low, high] or a little outside, for what x / w
// was rounded by.
struct PixelRange {
  Index first = 0, end = 0;
  PixelRange(double low, double high, Index first_pixel, Index end_pixel) {
    const double reach = (high > -low ? high : -low) + 1, margin = 1e-9 * reach;
    const double from = low - margin - 0.5, to = high + margin - 0.5;
    if (!(from <= static_cast<double>(end_pixel - 1)) || !(to >= static_cast<double>(first_pixel)))
      return;
    // Only now that they are known to be small do numbers become integers.
    first = first_pixel;
    end = end_pixel;
    if (from > static_cast<double>(first)) {
      first = static_cast<Index>(from);
      if (static_cast<double>(first) < from) ++first;
    }
    if (to < static_cast<double>(end - 1)) end = static_cast<Index>(to) + 1;
  }
};

}  // namespace

template <class T>
void project_vertices(const ProjectVerticesArgs<T>& a, Index begin, Index end) noexcept {
  for (Index v = begin; v < end; ++v) {
    const T* c = a.clip + 4 * v;
    const double w = static_cast<double>(c[3]);
    bool usable = w >= kSmallestW;
    for (int k = 0; k < 4; ++k) {
      const double value = static_cast<double>(c[k]);
      usable = usable && value <= kLargest && value >= -kLargest;
    }
    const double nan = std::numeric_limits<double>::quiet_NaN();
    a.screen[2 * v] = usable ? static_cast<double>(c[0]) / w : nan;
    a.screen[2 * v + 1] = usable ? static_cast<double>(c[1]) / w : nan;
  }
}

template <class T>
void rasterize(const RasterizeArgs<T>& a, Index image, Index row_begin, Index row_end,
               double* depth) noexcept {
  const T* clip = a.clip + image * a.vertices * 4;
  const double* screen = a.screen + image * a.vertices * 2;
  const Index first_pixel = (image * a.height + row_begin) * a.width;
  std::int64_t* id = a.id + first_pixel;
  T* barycentric = a.barycentric + first_pixel * 3;
  for (Index q = 0; q < (row_end - row_begin) * a.width; ++q) {
    depth[q] = std::numeric_limits<double>::infinity();
    id[q] = -1;
    for (int k = 0; k < 3; ++k) barycentric[3 * q + k] = 0;
  }

  for (Index t = 0; t < a.triangles; ++t) {
    const Index* corner = a.triangle + 3 * t;
    const double *s0 = screen + 2 * corner[0], *s1 = screen + 2 * corner[1],
                 *s2 = screen + 2 * corner[2];
    const double any = s0[0] + s1[0] + s2[0];
    if (any != any) continue;  // NaN: a vertex that no triangle may use
    const PixelRange rows(least(s0[1], s1[1], s2[1]), largest(s0[1], s1[1], s2[1]), row_begin,
                          row_end);
    if (rows.first >= rows.end) continue;
    const PixelRange columns(least(s0[0], s1[0], s2[0]), largest(s0[0], s1[0], s2[0]), 0, a.width);
    if (columns.first >= columns.end) continue;

    const Corners<T> c(clip, corner);
    const double determinant = dot(c.v[0], cross(c.v[1], c.v[2]));
    if (size(determinant) <= rounding(c.v[0], c.v[1], c.v[2])) continue;
    const double sign = determinant < 0 ? -1 : 1;
    const Edge edge[3] = {{c.v[1], c.v[2], sign}, {c.v[2], c.v[0], sign}, {c.v[0], c.v[1], sign}};
    for (Index i = rows.first; i < rows.end; ++i) {
      const double y = static_cast<double>(i) + 0.5;
      const double row[3] = {edge[0].row(y), edge[1].row(y), edge[2].row(y)};
      for (Index j = columns.first; j < columns.end; ++j) {
        const double x = static_cast<double>(j) + 0.5;
        const double e[3] = {edge[0].normal.x * x + row[0], edge[1].normal.x * x + row[1],
                             edge[2].normal.x * x + row[2]};
        // Most pixels end here, by one branch instead of three that no processor foresees.
        if ((e[0] < 0) | (e[1] < 0) | (e[2] < 0)) continue;
        if (!edge[0].covers(e[0]) || !edge[1].covers(e[1]) || !edge[2].covers(e[2])) continue;
        // (b . z) / (b . w), in which e_0 + e_1 + e_2 cancels. Also false for 0 / 0.
        const double z = (e[0] * c.z[0] + e[1] * c.z[1] + e[2] * c.z[2]) /
                         (e[0] * c.v[0].w + e[1] * c.v[1].w + e[2] * c.v[2].w);
        const Index q = (i - row_begin) * a.width + j;
        if (!(z < depth[q])) continue;
        depth[q] = z;
        id[q] = t;
        const double sum = e[0] + e[1] + e[2];
        for (int k = 0; k < 3; ++k) barycentric[3 * q + k] = static_cast<T>(e[k] / sum);
      }
    }
  }
}

namespace {

// What the gradient needs of a triangle: often the same for several pixels in a row.
struct TriangleNormals {
  Vector normal[3];
  double per_weight;
  template <class T>
  TriangleNormals(const T* clip, const Index* corner) {
    const Corners<T> c(clip, corner);
    for (int k = 0; k < 3; ++k) normal[k] = cross(c.v[(k + 1) % 3], c.v[(k + 2) % 3]);
    per_weight = -1 / dot(c.v[0], normal[0]);
  }
};

}  // namespace

// With h_i = dL/db_i - sum_k b_k dL/db_k and the determinant D = v_0 . (v_1 x v_2):
//   dL/dv_j = -(b_j / D) sum_i h_i (v_(i+1) x v_(i+2))
template <class T>
void rasterize_grad(const RasterizeGradArgs<T>& a, Index image, double* sums) noexcept {
  const T* clip = a.clip + image * a.vertices * 4;
  const Index pixels = a.height * a.width;
  for (Index s = 0; s < 3 * a.vertices; ++s) sums[s] = 0;
  const Index end = (image + 1) * pixels;
  for (Index q = image * pixels; q < end;) {
    const std::int64_t id = a.id[q];
    if (id < 0) {
      ++q;
      continue;
    }
    const Index* corner = a.triangle + 3 * id;
    const TriangleNormals triangle(clip, corner);
    for (; q < end && a.id[q] == id; ++q) {
      double b[3], g[3], mean = 0;
      for (int k = 0; k < 3; ++k) {
        b[k] = static_cast<double>(a.barycentric[3 * q + k]);
        g[k] = static_cast<double>(a.gb[3 * q + k]);
        mean += b[k] * g[k];
      }
      Vector turn{0, 0, 0};
      for (int k = 0; k < 3; ++k) {
        const double h = g[k] - mean;
        const Vector& normal = triangle.normal[k];
        turn = {turn.x + h * normal.x, turn.y + h * normal.y, turn.w + h * normal.w};
      }
      for (int k = 0; k < 3; ++k) {
        const double factor = b[k] * triangle.per_weight;
        double* sum = sums + 3 * corner[k];
        sum[0] += factor * turn.x;
        sum[1] += factor * turn.y;
        sum[2] += factor * turn.w;
      }
    }
  }
  for (Index v = 0; v < a.vertices; ++v) {
    T* g = a.gclip + (image * a.vertices + v) * 4;
    g[0] = static_cast<T>(sums[3 * v]);
    g[1] = static_cast<T>(sums[3 * v + 1]);
    g[2] = 0;
    g[3] = static_cast<T>(sums[3 * v + 2]);
  }
}

#define RF_INSTANTIATE(T)                                                                  \
  template void project_vertices(const ProjectVerticesArgs<T>&, Index, Index) noexcept;    \
  template void rasterize(const RasterizeArgs<T>&, Index, Index, Index, double*) noexcept; \
  template void rasterize_grad(const RasterizeGradArgs<T>&, Index, double*) noexcept;
RF_INSTANTIATE(float)
RF_INSTANTIATE(double)
#undef RF_INSTANTIATE

}  // namespace rf::reference
