#include "engine/kernels/reference.hpp"
#include "engine/kernels/reference/vector3.hpp"

namespace rf::reference {

namespace {

// Two sides of a triangle; their cross product is its normal, twice as long as its area.
struct Sides {
  Vector3 a, b;
  template <class T>
  Sides(const T* vertices, const Index* corner) {
    const Vector3 origin = load3(vertices + 3 * corner[0]);
    a = load3(vertices + 3 * corner[1]) - origin;
    b = load3(vertices + 3 * corner[2]) - origin;
  }
};

void add3(double* to, const Vector3& v) { to[0] += v.x, to[1] += v.y, to[2] += v.z; }

}  // namespace

template <class T>
void vertex_normals(const VertexNormalsArgs<T>& a, Index image, double* sums) noexcept {
  const Index first = image * a.per_image;
  for (Index s = 0; s < 3 * a.per_image; ++s) sums[s] = 0;
  for (Index t = 0; t < a.triangles; ++t) {
    const Index* corner = a.triangle + 3 * t;
    const Sides sides(a.vertices + 3 * first, corner);
    const Vector3 normal = cross(sides.a, sides.b);
    for (int k = 0; k < 3; ++k) add3(sums + 3 * corner[k], normal);
  }
  for (Index v = 0; v < a.per_image; ++v) {
    const Unit unit(load3(sums + 3 * v));
    store3(a.y + 3 * (first + v), unit.direction());
    a.length[first + v] = static_cast<T>(unit.length());
  }
}

// Each triangle's normal has the sum of what its corners' sums have, g; its sides a and b then
// b x g and g x a.
template <class T>
void vertex_normals_grad(const VertexNormalsGradArgs<T>& a, Index image, double* sums) noexcept {
  const Index first = 3 * image * a.per_image;
  const T* vertices = a.vertices + first;
  double* gradient = sums + 3 * a.per_image;
  for (Index v = 0; v < 3 * a.per_image; v += 3) {
    const Unit unit(load3(a.y + first + v), static_cast<double>(a.length[(first + v) / 3]));
    store3(sums + v, unit.gradient(load3(a.gy + first + v)));
    store3(gradient + v, {0, 0, 0});
  }
  for (Index t = 0; t < a.triangles; ++t) {
    const Index* corner = a.triangle + 3 * t;
    const Sides sides(vertices, corner);
    Vector3 g{0, 0, 0};
    for (int k = 0; k < 3; ++k) g += load3(sums + 3 * corner[k]);
    const Vector3 ga = cross(sides.b, g), gb = cross(g, sides.a);
    add3(gradient + 3 * corner[1], ga);
    add3(gradient + 3 * corner[2], gb);
    add3(gradient + 3 * corner[0], -1 * (ga + gb));
  }
  for (Index s = 0; s < 3 * a.per_image; ++s) a.gvertices[first + s] = static_cast<T>(gradient[s]);
}

#define RF_INSTANTIATE(T)                                                             \
  template void vertex_normals(const VertexNormalsArgs<T>&, Index, double*) noexcept; \
  template void vertex_normals_grad(const VertexNormalsGradArgs<T>&, Index, double*) noexcept;
RF_INSTANTIATE(float)
RF_INSTANTIATE(double)
#undef RF_INSTANTIATE

}  // namespace rf::reference
