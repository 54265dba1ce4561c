#include "engine/kernels/reference.hpp"
#include "engine/kernels/reference/vector3.hpp"

namespace rf::reference {

namespace {

struct Camera {
  Vector3 location, g;
  double focal, factor;  // factor: 2 / (1 + g . g)
  template <class T>
  explicit Camera(const T* camera)
      : location(load3(camera)),
        g(load3(camera + 3)),
        focal(static_cast<double>(camera[6])),
        factor(2 / (1 + dot(g, g))) {}
};

Vector3 facing(const Vector3& v) { return {v.x, -v.y, -v.z}; }

}  // namespace

// v' = f + factor (c + g x c) + location, c = g x f, f = diag(1, -1, -1) v.
template <class T>
void project_mesh(const ProjectMeshArgs<T>& a, Index begin, Index end) noexcept {
  for (Index v = begin; v < end;) {
    const Index image = v / a.per_image,
                last = (image + 1) * a.per_image < end ? (image + 1) * a.per_image : end;
    const Camera camera(a.camera + 7 * image);
    for (; v < last; ++v) {
      const Vector3 f = facing(load3(a.vertices + 3 * v)), c = cross(camera.g, f);
      const Vector3 seen = f + camera.factor * (c + cross(camera.g, c)) + camera.location;
      T* clip = a.clip + 4 * v;
      clip[0] = static_cast<T>(a.size * (camera.focal * seen.x + 0.5 * seen.z));
      clip[1] = static_cast<T>(a.size * (camera.focal * seen.y + 0.5 * seen.z));
      clip[2] = -1;
      clip[3] = static_cast<T>(seen.z);
    }
  }
}

// With s = dL/dv' and q = c + g x c:
//   p = factor s = dL/dq,  h = p + p x g = dL/dc
//   dL/df = s + h x g,  dL/dg = c x p + f x h - factor^2 (s . q) g
template <class T>
void project_mesh_grad(const ProjectMeshGradArgs<T>& a, Index image) noexcept {
  const Camera camera(a.camera + 7 * image);
  const Vector3& g = camera.g;
  Vector3 gg{0, 0, 0}, glocation{0, 0, 0};
  double gfocal = 0, gfactor = 0;
  for (Index v = image * a.per_image; v < (image + 1) * a.per_image; ++v) {
    const Vector3 f = facing(load3(a.vertices + 3 * v)), c = cross(g, f), q = c + cross(g, c);
    const Vector3 seen = f + camera.factor * q + camera.location;
    const T* gclip = a.gclip + 4 * v;
    const double gx = a.size * static_cast<double>(gclip[0]),
                 gy = a.size * static_cast<double>(gclip[1]);
    const Vector3 s{camera.focal * gx, camera.focal * gy,
                    static_cast<double>(gclip[3]) + 0.5 * (gx + gy)};
    const Vector3 p = camera.factor * s, h = p + cross(p, g);
    gfocal += gx * seen.x + gy * seen.y;
    gfactor += dot(s, q);
    glocation += s;
    gg += cross(c, p) + cross(f, h);
    if (a.gvertices) store3(a.gvertices + 3 * v, facing(s + cross(h, g)));
  }
  if (!a.gcamera) return;
  T* gcamera = a.gcamera + 7 * image;
  store3(gcamera, glocation);
  store3(gcamera + 3, gg - camera.factor * camera.factor * gfactor * g);
  gcamera[6] = static_cast<T>(gfocal);
}

#define RF_INSTANTIATE(T)                                                       \
  template void project_mesh(const ProjectMeshArgs<T>&, Index, Index) noexcept; \
  template void project_mesh_grad(const ProjectMeshGradArgs<T>&, Index) noexcept;
RF_INSTANTIATE(float)
RF_INSTANTIATE(double)
#undef RF_INSTANTIATE

}  // namespace rf::reference
