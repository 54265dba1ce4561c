#include "layers/mesh_camera.hpp"

#include <cmath>

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

using ag::Var;

namespace {

Var f64(const Shape& shape, std::initializer_list<double> values) {
  return Var(tensor(shape, values, DType::f64));
}

}  // namespace

TEST_CASE("rotate: quarter turns by hand", "[mesh_camera][golden]") {
  // tan(90 / 2 degrees) = 1; about z: x becomes y, y becomes -x.
  const Var v = f64({1, 3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  CHECK(relative_error(rotate(v, f64({1, 3}, {0, 0, 1})).value(),
                       tensor({1, 3, 3}, {0, 1, 0, -1, 0, 0, 0, 0, 1}, DType::f64)) < 1e-15);
  CHECK(relative_error(rotate(v, f64({1, 3}, {1, 0, 0})).value(),
                       tensor({1, 3, 3}, {1, 0, 0, 0, 0, 1, 0, -1, 0}, DType::f64)) < 1e-15);
  CHECK(same_bits(rotate(v, f64({1, 3}, {0, 0, 0})).value(), v.value()));
}

TEST_CASE("rotate: lengths and angles stay", "[mesh_camera][property]") {
  const Tensor v = random_tensor({2, 20, 3}, 1, DType::f64),
               g = random_tensor({2, 3}, 2, DType::f64);
  const Tensor w = rotate(Var(v), Var(g)).value();
  const auto dot = [](const Tensor& t, Index n, Index a, Index b) {
    double sum = 0;
    for (Index i = 0; i < 3; ++i)
      sum += t.data<double>()[(n * 20 + a) * 3 + i] * t.data<double>()[(n * 20 + b) * 3 + i];
    return sum;
  };
  for (Index n = 0; n < 2; ++n) {
    for (Index a = 0; a < 20; ++a) {
      for (Index b = 0; b <= a; ++b)
        CHECK(dot(w, n, a, b) == Approx(dot(v, n, a, b)).margin(1e-12));
    }
  }
}

TEST_CASE("project: a face looks into the camera, upright", "[mesh_camera][golden]") {
  // Ten away, focal length two widths: one unit is a fifth of the picture of 100 pixels.
  const Var v = f64({1, 4, 3}, {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1});
  const Tensor clip = project(v, f64({1, 7}, {0, 0, 10, 0, 0, 0, 2}), 100).value();
  const double* c = clip.data<double>();
  const auto column = [&](Index i) { return c[4 * i] / c[4 * i + 3]; };
  const auto row = [&](Index i) { return c[4 * i + 1] / c[4 * i + 3]; };
  const auto depth = [&](Index i) { return c[4 * i + 2] / c[4 * i + 3]; };
  CHECK(column(0) == Approx(50));
  CHECK(row(0) == Approx(50));
  CHECK(column(1) == Approx(70));  // the face's left is the viewer's right
  CHECK(row(1) == Approx(50));
  CHECK(column(2) == Approx(50));
  CHECK(row(2) == Approx(30));  // up is a smaller row
  CHECK(depth(3) < depth(0));   // the nose is nearer
}

TEST_CASE("project: gradients by central differences", "[mesh_camera][grad]") {
  Tensor camera = random_tensor({2, 7}, 2, DType::f64);
  for (Index n = 0; n < 2; ++n) camera.data<double>()[n * 7 + 2] += 6;
  check_gradients([](const std::vector<Var>& in) { return project(in[0], in[1], 64); },
                  {random_tensor({2, 5, 3}, 1, DType::f64), camera});
}

TEST_CASE("shade: by hand", "[mesh_camera][golden]") {
  // The light is straight above the first vertex, behind the second, at the third's own place.
  const Var albedo = f64({1, 3, 3}, {0.5, 1, 0.25, 0.5, 1, 0.25, 1, 1, 1});
  const Var vertices = f64({1, 3, 3}, {0, 0, 0, 0, 0, 0, 0, 0, 4});
  const Var normals = f64({1, 3, 3}, {0, 0, 1, 0, 0, -1, 0, 0, 1});
  const Var light = f64({1, 9}, {0, 0, 4, 1, 0.5, 0, 0.1, 0.2, 0.3});
  CHECK(relative_error(shade(albedo, vertices, normals, light).value(),
                       tensor({1, 3, 3}, {0.55, 0.7, 0.075, 0.05, 0.2, 0.075, 0.1, 0.2, 0.3},
                              DType::f64)) < 1e-15);
}

TEST_CASE("shade: gradients by central differences, away from the terminator",
          "[mesh_camera][grad]") {
  Tensor light = random_tensor({1, 9}, 4, DType::f64);
  light.data<double>()[2] += 8;
  Tensor normals = random_tensor({1, 6, 3}, 3, DType::f64);
  for (Index i = 0; i < 6; ++i) normals.data<double>()[3 * i + 2] += i % 2 ? 3 : -3;
  check_gradients([](const std::vector<Var>& in) { return shade(in[0], in[1], in[2], in[3]); },
                  {random_tensor({1, 6, 3}, 1, DType::f64), random_tensor({1, 6, 3}, 2, DType::f64),
                   normals, light});
}

// A square of two triangles before the camera, its corners' colours in the picture: camera, raster
// and interpolation together.
TEST_CASE("render: a square fills what the camera's equation says", "[mesh_camera][golden]") {
  const Var v = f64({1, 4, 3}, {-1, 1, 0, 1, 1, 0, 1, -1, 0, -1, -1, 0});
  const std::vector<std::int64_t> corners{0, 1, 2, 0, 2, 3};
  const Tensor triangles = Tensor::from({2, 3}, std::span<const std::int64_t>(corners));
  const Var clip = project(v, f64({1, 7}, {0, 0, 10, 0, 0, 0, 2}), 50);
  const ag::MeshRaster raster = ag::rasterize(clip, triangles, {.height = 50, .width = 50});
  const Tensor image = ag::interpolate_mesh(raster.barycentric, raster.triangle, triangles,
                                            f64({1, 4, 1}, {0, 1, 1, 0}))
                           .value();
  for (Index i = 0; i < 50; ++i) {
    for (Index j = 0; j < 50; ++j) {  // columns and rows 15 to 35
      const bool inside = i >= 15 && i < 35 && j >= 15 && j < 35;
      const double expected = inside ? (static_cast<double>(j) + 0.5 - 15) / 20 : 0;
      CHECK(image.data<double>()[i * 50 + j] == Approx(expected).margin(1e-12));
    }
  }
}

TEST_CASE("mesh camera: shapes that do not fit are refused", "[mesh_camera][error]") {
  const auto zeros = [](const Shape& shape) { return Var(Tensor::zeros(shape)); };
  check_refused(
      [&] {
        (void)project(zeros({1, 4, 2}), zeros({1, 7}), 8);
      },
      {"[1, 4, 2]", "[N, V, 3]"});
  check_refused(
      [&] {
        (void)project(zeros({2, 4, 3}), zeros({1, 7}), 8);
      },
      {"camera [1, 7]", "[2, 7]"});
  check_refused([&] { (void)project(zeros({1, 4, 3}), zeros({1, 7}), 0); }, {"0 pixels"});
  check_refused([&] { (void)rotate(zeros({1, 4, 3}), zeros({1, 4})); }, {"pose [1, 4]"});
  check_refused(
      [&] {
        (void)shade(zeros({1, 4, 3}), zeros({1, 5, 3}), zeros({1, 4, 3}), zeros({1, 9}));
      },
      {"[1, 5, 3]", "[1, 4, 3]"});
  check_refused(
      [&] {
        (void)shade(zeros({1, 4, 3}), zeros({1, 4, 3}), zeros({1, 4, 3}), zeros({1, 8}));
      },
      {"light [1, 8]"});
}

}  // namespace rf::test
