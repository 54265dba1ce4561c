#include "retinaface/dense/synthetic_view.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

#include "layers/mesh_camera.hpp"
#include "retinaface/dense/synthetic.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

using Vector = std::array<double, 3>;

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// R(g) of a vector in the camera's axes, by the layer that the renderer uses.
Vector rotated(const std::array<float, 3>& g, const Vector& v) {
  const Tensor vector = tensor<double>({1, 1, 3}, {v[0], v[1], v[2]});
  const Tensor pose = tensor<double>(
      {1, 3}, {static_cast<double>(g[0]), static_cast<double>(g[1]), static_cast<double>(g[2])});
  const Tensor result = rotate(ag::Var(vector), ag::Var(pose)).value();
  return {result.data<double>()[0], result.data<double>()[1], result.data<double>()[2]};
}

// Roll, pitch, yaw as matrices, with the C library's sine and cosine; x right, y down, z away.
Vector turned(const HeadAngles& angles, Vector v) {
  const double yaw = -radians(angles.yaw), pitch = -radians(angles.pitch),
               roll = radians(angles.roll);
  v = {std::cos(yaw) * v[0] + std::sin(yaw) * v[2], v[1],
       -std::sin(yaw) * v[0] + std::cos(yaw) * v[2]};
  v = {v[0], std::cos(pitch) * v[1] - std::sin(pitch) * v[2],
       std::sin(pitch) * v[1] + std::cos(pitch) * v[2]};
  return {std::cos(roll) * v[0] - std::sin(roll) * v[1],
          std::sin(roll) * v[0] + std::cos(roll) * v[1], v[2]};
}

Random numbers(std::uint32_t item) { return Random(3, RandomPurpose::test, 0, item); }

}  // namespace

TEST_CASE("synthetic view: a pose is roll after pitch after yaw", "[synthetic]") {
  for (const HeadAngles& angles :
       {HeadAngles{30, 0, 0}, HeadAngles{0, 25, 0}, HeadAngles{0, 0, -40}, HeadAngles{80, -35, 35},
        HeadAngles{-90, 60, 90}}) {
    const std::array<float, 3> pose = pose_of(angles);
    for (const Vector& v : {Vector{1, 0, 0}, Vector{0, 1, 0}, Vector{0, 0, -1}}) {
      const Vector here = rotated(pose, v), there = turned(angles, v);
      for (std::size_t i = 0; i < 3; ++i) CHECK(here[i] == Approx(there[i]).margin(1e-6));
    }
  }
  // The nose of a face that is not turned looks at the viewer, along -z.
  const Vector nose{0, 0, -1}, top{0, -1, 0};
  CHECK(rotated(pose_of({30, 0, 0}), nose)[0] == Approx(0.5));   // to the right
  CHECK(rotated(pose_of({0, 30, 0}), nose)[1] == Approx(-0.5));  // up
  CHECK(rotated(pose_of({0, 0, 30}), top)[0] == Approx(0.5));    // clockwise
  CHECK(pose_of({90, 0, 0})[1] == Approx(-1));                   // tan(45 degrees)
  CHECK(pose_of({0, 0, 0}) == std::array<float, 3>{0, 0, 0});
}

TEST_CASE("synthetic view: angles stay within their limits, and most are far from them",
          "[synthetic]") {
  Random random = numbers(1);
  int frontal = 0, profiles = 0;
  for (int i = 0; i < 4000; ++i) {
    const HeadAngles a = random_angles({80, 35, 0}, random);
    CHECK((std::abs(a.yaw) <= 80 && std::abs(a.pitch) <= 35 && a.roll == 0));
    frontal += std::abs(a.yaw) < 0.32 * 80 ? 1 : 0;
    profiles += std::abs(a.yaw) > 0.8 * 80 ? 1 : 0;
  }
  CHECK(frontal / 4000.0 == Approx(0.5).margin(0.03));
  CHECK(profiles / 4000.0 == Approx(1 / 13.0).margin(0.02));
}

TEST_CASE("synthetic view: a camera frames the face", "[synthetic]") {
  const Tensor mesh = random_tensor({200, 6}, 5);
  Random random = numbers(2);
  for (const double focal : {1.0, 1.5, 4.0, 50.0}) {
    for (const double fill : {0.4, 0.8, 1.0}) {
      const std::array<float, 3> pose = pose_of(random_angles({80, 35, 35}, random));
      const Framing framing = frame(mesh, pose, focal, fill);
      CHECK(std::max(framing.width, framing.height) == Approx(fill).epsilon(2e-3));
      Tensor places = Tensor::empty({1, 200, 3});
      for (Index i = 0; i < 600; ++i)
        places.data<float>()[i] = mesh.data<float>()[i / 3 * 6 + i % 3];
      const ag::Var camera(Tensor::from({1, 7}, std::span<const float>(framing.camera)));
      const Tensor clip = project(ag::Var(places), camera, 1).value();
      std::array<double, 2> low{1e9, 1e9}, high{-1e9, -1e9};
      for (Index v = 0; v < 200; ++v) {
        const float* c = clip.data<float>() + 4 * v;
        REQUIRE(c[3] > 0);
        for (std::size_t k = 0; k < 2; ++k) {
          low[k] = std::min(low[k], static_cast<double>(c[k] / c[3]));
          high[k] = std::max(high[k], static_cast<double>(c[k] / c[3]));
        }
      }
      for (std::size_t k = 0; k < 2; ++k) CHECK((low[k] + high[k]) / 2 == Approx(0.5).margin(2e-3));
      CHECK(high[0] - low[0] == Approx(framing.width).margin(1e-4));
      CHECK(high[1] - low[1] == Approx(framing.height).margin(1e-4));
    }
  }
}

TEST_CASE("synthetic view: light comes from the front and does not overexpose", "[synthetic]") {
  Random random = numbers(3);
  int above = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::array<float, 9> light = random_light(random);
    const float distance =
        std::sqrt(light[0] * light[0] + light[1] * light[1] + light[2] * light[2]);
    CHECK((distance > 59.9F && distance < 300.1F && light[2] > 0));
    above += light[1] > 0 ? 1 : 0;
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK((light[6 + c] > 0.28F && light[6 + c] < 0.74F && light[3 + c] > 0));
      CHECK((light[3 + c] + light[6 + c] > 0.78F && light[3 + c] + light[6 + c] < 1.25F));
    }
  }
  CHECK(above > 600);
}

TEST_CASE("synthetic view: a triangle hides what lies behind it", "[synthetic]") {
  // Triangle 0 at depth 1 covers columns and rows 0 .. 2, x + y < 2; vertex 3 lies behind it at
  // depth 2, vertex 4 before it, 5 behind but outside, 6 behind by less than the tolerance.
  const auto at = [](float x, float y, float w) {
    return std::array<float, 4>{x * w, y * w, -1, w};
  };
  std::vector<float> clip;
  for (const auto& v : {at(0, 0, 1), at(2, 0, 1), at(0, 2, 1), at(0.5F, 0.5F, 2),
                        at(0.5F, 0.5F, 0.5F), at(1.5F, 1.5F, 2), at(0.5F, 0.5F, 1.2F)})
    clip.insert(clip.end(), v.begin(), v.end());
  const Tensor vertices = tensor<float>({1, 7, 4}, clip);
  for (const std::vector<Index>& corners : {std::vector<Index>{0, 1, 2}, {2, 1, 0}}) {
    const Tensor triangles = tensor<Index>({1, 3}, corners);
    CHECK(visible_vertices(vertices, triangles, {0, 3, 4, 5, 6}, 0.3) ==
          std::vector<bool>{true, false, true, true, true});
    CHECK(visible_vertices(vertices, triangles, {6}, 0.1) == std::vector<bool>{false});
  }
  CHECK(holds(
      thrown<ShapeError>([&] {
        return visible_vertices(Tensor::zeros({2, 7, 4}), tensor<Index>({1, 3}, {0, 1, 2}), {0}, 0);
      }),
      "must be [1, V, 4]"));
}

}  // namespace rf::test
