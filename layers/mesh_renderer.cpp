#include "layers/mesh_renderer.hpp"

#include "autograd/ops.hpp"
#include "engine/check.hpp"
#include "layers/mesh_camera.hpp"

namespace rf {

MeshRenderer::MeshRenderer(Index vertices, Triangles triangles)
    : normals_(vertices, triangles), triangles_(triangles_tensor(triangles)) {}

RenderedMeshes MeshRenderer::operator()(const ag::Var& mesh, const ag::Var& camera,
                                        const ag::Var& light, Index size) const {
  const Shape& s = mesh.shape();
  RF_CHECK_SHAPE(s.rank() == 3 && s[2] == 6, "MeshRenderer", "mesh ", s, " must be [N, V, 6]");
  const ag::Var places = ag::slice(mesh, 2, 0, 3), albedo = ag::slice(mesh, 2, 3, 6);
  const ag::Var colours = shade(albedo, places, normals_(places), light);
  const ag::Var clip = project(places, camera, size);
  const ag::MeshRaster raster = ag::rasterize(clip, triangles_, {.height = size, .width = size});
  return {.colour = ag::interpolate_mesh(raster.barycentric, raster.triangle, triangles_, colours),
          .triangle = raster.triangle,
          .clip = clip};
}

}  // namespace rf
