#include "engine/kernels/reference.hpp"
#include "engine/kernels/reference/vector3.hpp"

namespace rf::reference {

namespace {

struct Light {
  Vector3 location, colour, ambient;
  template <class T>
  explicit Light(const T* light)
      : location(load3(light)), colour(load3(light + 3)), ambient(load3(light + 6)) {}
};

// A NaN stays.
double positive(double x) { return x < 0 ? 0 : x; }

}  // namespace

template <class T>
void shade_mesh(const ShadeMeshArgs<T>& a, Index begin, Index end) noexcept {
  for (Index v = begin; v < end;) {
    const Index image = v / a.per_image,
                last = (image + 1) * a.per_image < end ? (image + 1) * a.per_image : end;
    const Light light(a.light + 9 * image);
    for (; v < last; ++v) {
      const Unit to_light(light.location - load3(a.vertices + 3 * v));
      const double cosine = positive(dot(load3(a.normals + 3 * v), to_light.direction()));
      store3(a.y + 3 * v, times(load3(a.albedo + 3 * v), light.ambient + cosine * light.colour));
    }
  }
}

// With G = albedo . gy = dL/d(light that arrives) and, where n . l > 0, c = G . colour:
//   dL/dn = c l,  dL/dl = c n,  from there through l = d / |d|, d = location - v.
template <class T>
void shade_mesh_grad(const ShadeMeshGradArgs<T>& a, Index image) noexcept {
  const Light light(a.light + 9 * image);
  Vector3 glocation{0, 0, 0}, gcolour{0, 0, 0}, gambient{0, 0, 0};
  for (Index v = image * a.per_image; v < (image + 1) * a.per_image; ++v) {
    const Vector3 gy = load3(a.gy + 3 * v), n = load3(a.normals + 3 * v);
    const Unit to_light(light.location - load3(a.vertices + 3 * v));
    const Vector3& l = to_light.direction();
    const double cosine = dot(n, l), lit = positive(cosine);
    const Vector3 arrives = times(load3(a.albedo + 3 * v), gy);
    const double gcosine = cosine > 0 ? dot(arrives, light.colour) : 0;
    const Vector3 gd = to_light.gradient(gcosine * n);
    glocation += gd;
    gcolour += lit * arrives;
    gambient += arrives;
    if (a.galbedo) store3(a.galbedo + 3 * v, times(gy, light.ambient + lit * light.colour));
    if (a.gvertices) store3(a.gvertices + 3 * v, -1 * gd);
    if (a.gnormals) store3(a.gnormals + 3 * v, gcosine * l);
  }
  if (!a.glight) return;
  store3(a.glight + 9 * image, glocation);
  store3(a.glight + 9 * image + 3, gcolour);
  store3(a.glight + 9 * image + 6, gambient);
}

#define RF_INSTANTIATE(T)                                                   \
  template void shade_mesh(const ShadeMeshArgs<T>&, Index, Index) noexcept; \
  template void shade_mesh_grad(const ShadeMeshGradArgs<T>&, Index) noexcept;
RF_INSTANTIATE(float)
RF_INSTANTIATE(double)
#undef RF_INSTANTIATE

}  // namespace rf::reference
