#include "engine/kernels/reference/soft_triangle.hpp"

#include <limits>

#include "engine/math.hpp"

namespace rf::reference {

namespace {

// Finds the point of the outline that is nearest to the centre; gives the square of its distance.
double find_nearest(const SoftTriangle& triangle, const Point& centre, SoftSample& to) {
  double nearest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3; ++i) {
    const Point from = triangle.at[i] - centre, &edge = triangle.edge[i];
    double along = -dot(from, edge) * triangle.inverse_square[i];
    along = along > 0 ? (along < 1 ? along : 1) : 0;
    const Point offset{from.x + along * edge.x, from.y + along * edge.y};
    const double square = dot(offset, offset);
    if (!(square < nearest)) continue;
    nearest = square;
    to.edge = i, to.along = along, to.offset = offset;
  }
  return nearest;
}

}  // namespace

bool SoftTriangle::place(const double* screen, const Index* corners, double reach) noexcept {
  corner = corners;
  for (int i = 0; i < 3; ++i) at[i] = {screen[2 * corner[i]], screen[2 * corner[i] + 1]};
  const double any = at[0].x + at[1].x + at[2].x;
  if (any != any) return false;  // NaN: a vertex that no triangle may use
  low = {least(at[0].x, at[1].x, at[2].x), least(at[0].y, at[1].y, at[2].y)};
  high = {largest(at[0].x, at[1].x, at[2].x), largest(at[0].y, at[1].y, at[2].y)};
  // A little more than the reach, for what distances are rounded by.
  const double span = largest(size(low.x) + size(low.y), size(high.x) + size(high.y), reach),
               outwards = reach + 1e-9 * (1 + span);
  low = {low.x - outwards, low.y - outwards};
  high = {high.x + outwards, high.y + outwards};
  return true;
}

template <class T>
bool SoftTriangle::shape(const T* clip) noexcept {
  const Corners<T> c(clip, corner);
  for (int i = 0; i < 3; ++i) v[i] = c.v[i];
  const double determinant = dot(v[0], cross(v[1], v[2]));
  if (size(determinant) <= rounding(v[0], v[1], v[2])) return false;
  sign = determinant < 0 ? -1 : 1;
  for (int i = 0; i < 3; ++i) {
    const Vector n = cross(v[(i + 1) % 3], v[(i + 2) % 3]);
    normal[i] = {sign * n.x, sign * n.y, sign * n.w};
    edge[i] = at[(i + 1) % 3] - at[i];
    constexpr double kTooShort = 1e-200;
    const double square = dot(edge[i], edge[i]);
    inverse_square[i] = square > kTooShort ? 1 / square : 0;
  }
  return true;
}

template bool SoftTriangle::shape(const float*) noexcept;
template bool SoftTriangle::shape(const double*) noexcept;

bool sample(const SoftTriangle& triangle, const Point& centre, const SoftBlend& blend,
            SoftSample& to) noexcept {
  const double square = find_nearest(triangle, centre, to);
  double e[3], e_sum = 0;
  bool inside = true;
  for (int i = 0; i < 3; ++i) {
    e[i] = dot(Vector{centre.x, centre.y, 1}, triangle.normal[i]);
    inside = inside && e[i] > 0;
    if (e[i] > 0) e_sum += e[i];
  }
  if (!inside && !(square <= blend.farthest_square)) return false;
  if (!(e_sum > 0)) return false;  // by rounding only: sum of e w is the determinant

  to.triangle = &triangle;
  to.sign = inside ? 1 : -1;
  const double small = exp(-square / blend.sigma);
  to.coverage = (inside ? 1 : small) / (1 + small);
  to.uncovered = (inside ? small : 1) / (1 + small);
  to.e_sum = e_sum;
  to.w = 0;
  for (int i = 0; i < 3; ++i) {
    to.b[i] = e[i] > 0 ? e[i] / e_sum : 0;
    to.w += to.b[i] * triangle.v[i].w;
  }
  const double nearness = blend.nearness_scale * (1 / to.w - blend.inverse_far);
  to.between = nearness > 0 && nearness < 1;
  to.nearness = nearness > 0 ? (nearness < 1 ? nearness : 1) : 0;
  return true;
}

void add_sample_grad(const SoftSample& s, const Point& centre, const SoftBlend& blend,
                     const SoftSampleGrad& grad, double* sums) noexcept {
  const SoftTriangle& f = *s.triangle;
  Vector g[3] = {};
  // d^2 = |offset|^2, where a change of `along` changes nothing: it is at a minimum or an end.
  const int from = s.edge, to = (s.edge + 1) % 3;
  const double pull = 2 * s.sign * grad.exponent / blend.sigma;
  const auto move = [&](int i, double part) {
    const double x = part * pull * s.offset.x / f.v[i].w, y = part * pull * s.offset.y / f.v[i].w;
    g[i] = {x, y, -(x * f.at[i].x + y * f.at[i].y)};
  };
  move(from, 1 - s.along);
  move(to, s.along);

  // n by w = b . w, w both by b and by the vertices' w.
  const double gw = s.between ? -grad.nearness * blend.nearness_scale / (s.w * s.w) : 0;
  double gb[3], mean = 0;
  for (int i = 0; i < 3; ++i) {
    gb[i] = grad.b[i] + gw * f.v[i].w;
    mean += s.b[i] * gb[i];
    g[i].w += gw * s.b[i];
  }
  // b_i = e_i / e_sum where e_i > 0, and e_i = sign p . (v_(i+1) x v_(i+2)).
  const Vector p{centre.x, centre.y, 1};
  for (int i = 0; i < 3; ++i) {
    if (!(s.b[i] > 0)) continue;
    const double ge = f.sign * (gb[i] - mean) / s.e_sum;
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    const Vector to_j = cross(f.v[k], p), to_k = cross(p, f.v[j]);
    g[j] = {g[j].x + ge * to_j.x, g[j].y + ge * to_j.y, g[j].w + ge * to_j.w};
    g[k] = {g[k].x + ge * to_k.x, g[k].y + ge * to_k.y, g[k].w + ge * to_k.w};
  }
  for (int i = 0; i < 3; ++i) {
    double* sum = sums + 3 * f.corner[i];
    sum[0] += g[i].x;
    sum[1] += g[i].y;
    sum[2] += g[i].w;
  }
}

}  // namespace rf::reference
