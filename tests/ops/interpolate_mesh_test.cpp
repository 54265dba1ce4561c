#include "engine/ops/interpolate_mesh.hpp"

#include "tests/ops/raster_meshes.hpp"

namespace rf::test {

TEST_CASE("interpolate_mesh: refuses what it cannot honour, and says what", "[rasterize][error]") {
  const Tensor clip = Tensor::zeros({2, 5, 4}), triangles = triangles_of({0, 1, 2, 2, 3, 4});
  const Raster raster = rasterize(clip, triangles, {.height = 3, .width = 4});
  const Tensor attributes = Tensor::zeros({2, 5, 7}), gy = Tensor::zeros({2, 3, 4, 7});
  check_refused(
      [&] {
        (void)interpolate_mesh(raster, triangles, Tensor::zeros({1, 5, 7}));
      },
      {"interpolate_mesh", "[1, 5, 7]", "[2, 3, 4, 3]"});
  check_refused(
      [&] {
        (void)interpolate_mesh(raster, triangles, Tensor::zeros({5, 7}));
      },
      {"[5, 7]", "[N, V, C]"});
  check_refused(
      [&] {
        (void)interpolate_mesh(raster, triangles, Tensor::zeros({2, 4, 7}));
      },
      {"triangle 1", "vertex 4", "less than 4"});
  check_refused([&] { (void)interpolate_mesh(raster, triangles, attributes.to(DType::f64)); },
                {"f32", "f64"});
  Raster broken = rasterize(clip, triangles, {.height = 3, .width = 4});
  broken.triangle.data<Index>()[3] = 9;
  check_refused([&] { (void)interpolate_mesh(broken, triangles, attributes); },
                {"id 9", "pixel 3"});
  check_refused(
      [&] { (void)interpolate_mesh_grad_barycentric(clip, raster, triangles, attributes); },
      {"interpolate_mesh gradient", "[2, 5, 4]", "[2, 3, 4, 7]"});
  check_refused([&] { (void)interpolate_mesh_grad_barycentric(gy, broken, triangles, attributes); },
                {"id 9"});
  check_refused(
      [&] {
        (void)interpolate_mesh_grad_attributes(Tensor::zeros({2, 4, 3, 7}), raster, triangles, 5);
      },
      {"[2, 4, 3, 7]", "[2, 3, 4, 7]"});
  check_refused([&] { (void)interpolate_mesh_grad_attributes(gy, raster, triangles, 4); },
                {"vertex 4"});
  check_refused([&] { (void)interpolate_mesh_grad_attributes(gy, raster, triangles, -4); },
                {"-4 vertices"});
}

TEST_CASE("interpolate_mesh: gradients by central differences", "[rasterize][grad]") {
  const Mesh mesh = grid(2, 6, 2, 1, 5);
  const Raster raster = rasterize(mesh.clip, mesh.triangles, {.height = 6, .width = 5});
  const Index vertices = mesh.clip.shape()[1];
  for (const Index channels : {1, 3, 6}) {
    CAPTURE(channels);
    // Any numbers may stand for barycentrics.
    check_gradients(
        [&](const std::vector<ag::Var>& in) {
          return ag::interpolate_mesh(in[0], raster.triangle, mesh.triangles, in[1]);
        },
        {random_tensor(raster.barycentric.shape(), 6, DType::f64),
         random_tensor({2, vertices, channels}, 7, DType::f64)});
  }
}

TEST_CASE("interpolate_mesh: its gradients are adjoint to it", "[rasterize][property]") {
  const Mesh mesh = grid(20, 64, 3, 2, 16);
  const Raster raster =
      rasterize(mesh.clip.to(DType::f32), mesh.triangles, {.height = 64, .width = 64});
  const Tensor a = random_tensor({3, mesh.clip.shape()[1], 3}, 17),
               gy = random_tensor({3, 64, 64, 3}, 18),
               y = interpolate_mesh(raster, mesh.triangles, a);
  check_adjoint(a, y, interpolate_mesh_grad_attributes(gy, raster, mesh.triangles, a.shape()[1]),
                gy);
  check_adjoint(raster.barycentric, y,
                interpolate_mesh_grad_barycentric(gy, raster, mesh.triangles, a), gy);
}

}  // namespace rf::test
