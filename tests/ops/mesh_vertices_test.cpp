// project_mesh, vertex_normals and shade_mesh against the small operations that they are made of.
#include <functional>

#include "autograd/ops.hpp"
#include "engine/ops/arithmetic.hpp"
#include "engine/ops/project_mesh.hpp"
#include "engine/ops/shade_mesh.hpp"
#include "engine/ops/vertex_normals.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

using ag::Var;

namespace {

using Function = std::function<Var(const std::vector<Var>&)>;

constexpr Index kImages = 3, kVertices = 40, kSize = 64;

Var numbers(const Var& rows, Index begin, Index end) {
  return ag::reshape(ag::slice(rows, 1, begin, end), {rows.shape()[0], 1, end - begin});
}

Var constant_like(const Var& x, const Shape& shape, std::initializer_list<double> values) {
  return Var(
      broadcast_to(tensor({static_cast<Index>(values.size())}, values, x.value().dtype()), shape));
}

Var project_composite(const std::vector<Var>& in) {
  const Var &vertices = in[0], &camera = in[1];
  const Var f = ag::multiply(vertices, constant_like(vertices, {1, 1, 3}, {1, -1, -1}));
  const Var g = numbers(camera, 3, 6);
  const Var everywhere = ag::add(Var(Tensor::zeros(vertices.shape(), vertices.value().dtype())), g);
  const Var once = ag::cross(everywhere, f), twice = ag::cross(everywhere, once);
  const Var square = ag::reshape(ag::sum(ag::multiply(g, g), {2}), {vertices.shape()[0], 1, 1});
  const Var factor = ag::divide(constant_like(vertices, {1, 1, 1}, {2}),
                                ag::add(square, constant_like(vertices, {1, 1, 1}, {1})));
  const Var seen =
      ag::add(ag::add(f, ag::multiply(factor, ag::add(once, twice))), numbers(camera, 0, 3));
  const auto column = [&](Index i) { return ag::slice(seen, 2, i, i + 1); };
  const auto pixels = [&](Index axis) {
    return ag::scale(
        ag::add(ag::multiply(numbers(camera, 6, 7), column(axis)), ag::scale(column(2), 0.5)),
        kSize);
  };
  return ag::concat(
      {pixels(0), pixels(1), constant_like(vertices, column(2).shape(), {-1}), column(2)}, 2);
}
Var project_fused(const std::vector<Var>& in) { return ag::project_mesh(in[0], in[1], kSize); }

Var shade_composite(const std::vector<Var>& in) {
  const Var &albedo = in[0], &light = in[3];
  const Var to_light = ag::normalize(ag::subtract(numbers(light, 0, 3), in[1]));
  const Var cosine = ag::relu(ag::reshape(ag::sum(ag::multiply(in[2], to_light), {2}),
                                          {albedo.shape()[0], albedo.shape()[1], 1}));
  return ag::multiply(albedo,
                      ag::add(numbers(light, 6, 9), ag::multiply(numbers(light, 3, 6), cosine)));
}
Var shade_fused(const std::vector<Var>& in) { return ag::shade_mesh(in[0], in[1], in[2], in[3]); }

// Random, a vertex in several of them; vertex 0 in none.
Tensor triangles() {
  Tensor t = Tensor::empty({2 * kVertices, 3}, DType::i64);
  for (Index i = 0; i < t.numel(); ++i)
    t.data<Index>()[i] = 1 + (i * i + 7 * i / 3) % (kVertices - 1);
  return t;
}

Var normals_composite(const std::vector<Var>& in) {
  const Tensor list = triangles();
  const auto corner = [&](Index k) {
    return ag::gather(in[0], 1, slice(list, 1, k, k + 1).reshaped({list.shape()[0]}));
  };
  const Var origin = corner(0);
  const Var large = ag::cross(ag::subtract(corner(1), origin), ag::subtract(corner(2), origin));
  Var sum;
  for (Index k = 0; k < 3; ++k) {
    const Var part =
        ag::scatter_add(large, 1, slice(list, 1, k, k + 1).reshaped({list.shape()[0]}), kVertices);
    sum = k == 0 ? part : ag::add(sum, part);
  }
  return ag::normalize(sum);
}
Var normals_fused(const std::vector<Var>& in) { return ag::vertex_normals(in[0], triangles()); }

std::vector<Tensor> projected(DType dtype) {
  std::vector<Tensor> in{random_tensor({kImages, kVertices, 3}, 1, dtype),
                         random_tensor({kImages, 7}, 2, dtype)};
  return in;
}
std::vector<Tensor> shaded(DType dtype) {
  const Shape shape{kImages, kVertices, 3};
  return {random_tensor(shape, 3, dtype), random_tensor(shape, 4, dtype),
          random_tensor(shape, 5, dtype), random_tensor({kImages, 9}, 6, dtype)};
}
std::vector<Tensor> of_normals(DType dtype) {
  return {random_tensor({kImages, kVertices, 3}, 7, dtype)};
}

struct Pair {
  const char* name;
  Function fused, composite;
  std::vector<Tensor> (*inputs)(DType);
};
const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all{{"project", project_fused, project_composite, projected},
                                     {"shade", shade_fused, shade_composite, shaded},
                                     {"normals", normals_fused, normals_composite, of_normals}};
  return all;
}

std::vector<Var> constants(const std::vector<Tensor>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("mesh vertices: values and gradients of the operations that they stand for",
          "[mesh_vertices][golden]") {
  for (const auto& [name, fused, composite, inputs] : pairs()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      CAPTURE(name, dtype);
      const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-5;
      const std::vector<Tensor> in = inputs(dtype);
      CHECK(relative_error(fused(constants(in)).value(), composite(constants(in)).value()) <
            tolerance);
      CHECK(relative_error(all_gradients(fused, in), all_gradients(composite, in)) < tolerance);
    }
  }
}

TEST_CASE("mesh vertices: gradients by central differences", "[mesh_vertices][grad]") {
  for (const auto& [name, fused, composite, inputs] : pairs()) {
    CAPTURE(name);
    check_gradients(fused, inputs(DType::f64));
  }
}

TEST_CASE("mesh vertices: only the gradients that are asked for", "[mesh_vertices][property]") {
  const std::vector<Tensor> in = shaded(DType::f32);
  const Tensor gy = random_tensor({kImages, kVertices, 3}, 9);
  const ShadeMeshGrad all = shade_mesh_grad(gy, in[0], in[1], in[2], in[3]);
  const ShadeMeshGrad one =
      shade_mesh_grad(gy, in[0], in[1], in[2], in[3],
                      {.albedo = false, .vertices = false, .normals = true, .light = false});
  CHECK(same_bits(one.normals, all.normals));
  for (const Tensor* none : {&one.albedo, &one.vertices, &one.light}) CHECK(none->numel() == 0);
  const std::vector<Tensor> p = projected(DType::f32);
  const Tensor gclip = random_tensor({kImages, kVertices, 4}, 9);
  const ProjectMeshGrad both = project_mesh_grad(gclip, p[0], p[1], kSize),
                        camera = project_mesh_grad(gclip, p[0], p[1], kSize, false, true);
  CHECK(same_bits(camera.camera, both.camera));
  CHECK(camera.vertices.numel() == 0);
}

TEST_CASE("mesh vertices: none, and meshes without triangles", "[mesh_vertices][property]") {
  const Tensor none = Tensor::zeros({2, 0, 3});
  CHECK(project_mesh(none, Tensor::zeros({2, 7}), 8).shape() == Shape{2, 0, 4});
  const ProjectMeshGrad grad =
      project_mesh_grad(Tensor::zeros({2, 0, 4}), none, Tensor::zeros({2, 7}), 8);
  CHECK(same_bits(grad.camera, Tensor::zeros({2, 7})));
  CHECK(shade_mesh(none, none, none, Tensor::zeros({2, 9})).numel() == 0);
  CHECK(same_bits(shade_mesh_grad(none, none, none, none, Tensor::zeros({2, 9})).light,
                  Tensor::zeros({2, 9})));
  const Tensor no_triangles = Tensor::zeros({0, 3}, DType::i64), v = random_tensor({2, 5, 3}, 1);
  CHECK(same_bits(vertex_normals(v, no_triangles).unit, Tensor::zeros({2, 5, 3})));
  CHECK(same_bits(vertex_normals_grad(v, v, no_triangles, vertex_normals(v, no_triangles)),
                  Tensor::zeros({2, 5, 3})));
  CHECK(vertex_normals(none, no_triangles).unit.numel() == 0);
}

TEST_CASE("mesh vertices: same bits for any number of threads", "[mesh_vertices][property]") {
  for (const auto& [name, fused, composite, inputs] : pairs()) {
    CAPTURE(name);
    const std::vector<Tensor> in = inputs(DType::f32);
    check_same_bits_on_any_threads([&] { return fused(constants(in)).value(); });
    check_same_bits_on_any_threads([&] { return all_gradients(fused, in); });
  }
}

TEST_CASE("mesh vertices: what does not fit is refused", "[mesh_vertices][error]") {
  const Tensor v = Tensor::zeros({1, 4, 3}), camera = Tensor::zeros({1, 7}),
               light = Tensor::zeros({1, 9}), list = Tensor::zeros({1, 3}, DType::i64);
  check_refused([&] { (void)project_mesh_grad(v, v, camera, 8); }, {"[1, 4, 3]", "[1, 4, 4]"});
  check_refused(
      [&] {
        (void)project_mesh(v, Tensor::zeros({1, 7}, DType::f64), 8);
      },
      {"f32", "f64"});
  check_refused(
      [&] {
        (void)shade_mesh_grad(Tensor::zeros({1, 3, 3}), v, v, v, light);
      },
      {"[1, 3, 3]", "[1, 4, 3]"});
  check_refused([&] { (void)shade_mesh(v, v, v.to(DType::f64), light); }, {"f32", "f64"});
  check_refused([&] { (void)vertex_normals(Tensor::zeros({4, 3}), list); }, {"[4, 3]"});
  check_refused(
      [&] {
        (void)vertex_normals_grad(Tensor::zeros({1, 5, 3}), v, list, vertex_normals(v, list));
      },
      {"[1, 5, 3]", "[1, 4, 3]"});
  check_refused(
      [&] {
        (void)vertex_normals_grad(v, v, list, {.unit = v, .length = Tensor::zeros({1, 3})});
      },
      {"lengths [1, 3]", "[1, 4, 3]"});
  const Tensor outside = Tensor::from({1, 3}, std::span<const Index>(std::vector<Index>{0, 1, 4}));
  check_refused([&] { (void)vertex_normals(v, outside); }, {"vertex 4"});
}

}  // namespace rf::test
