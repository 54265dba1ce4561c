#include "layers/mesh_renderer.hpp"

#include <array>
#include <cmath>

#include "autograd/ops.hpp"
#include "tests/ops/raster_meshes.hpp"

namespace rf::test {

using ag::Var;

namespace {

using Vector = std::array<double, 3>;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double determinant(const Vector& a, const Vector& b, const Vector& c) {
  return dot(a, cross(b, c));
}

const std::vector<std::array<Index, 3>> kQuad{{0, 1, 2}, {0, 2, 3}};

// The plane's places o + u a + v b, u and v from 0 to 1: corners (0, 0), (1, 0), (1, 1), (0, 1).
constexpr Vector kO{-1.1, -0.8, 0.3}, kA{2.3, 0.2, -0.9}, kB{-0.3, 1.9, 0.7};

Vector corner(std::size_t i) {
  const double u = i == 1 || i == 2 ? 1 : 0, v = i >= 2 ? 1 : 0;
  Vector p{};
  for (std::size_t k = 0; k < 3; ++k) p[k] = kO[k] + u * kA[k] + v * kB[k];
  return p;
}

constexpr double kAlbedo[4][3] = {{0.9, 0.1, 0.4}, {0.2, 0.8, 0.5}, {0.6, 0.3, 0.7}, {0.1, 0.9, 1}};

Tensor quad(DType dtype) {
  Tensor mesh = Tensor::empty({1, 4, 6}, DType::f64);
  for (std::size_t i = 0; i < 4; ++i) {
    double* v = mesh.data<double>() + 6 * i;
    std::ranges::copy(corner(i), v);
    std::ranges::copy(kAlbedo[i], v + 3);
  }
  return mesh.to(dtype);
}

// A bent and coloured grid of 3 x 3 vertices, about 2 units wide, that looks at the camera.
const std::vector<std::array<Index, 3>> kGrid{{0, 1, 3}, {1, 4, 3}, {1, 2, 4}, {2, 5, 4},
                                              {3, 4, 6}, {4, 7, 6}, {4, 5, 7}, {5, 8, 7}};

Tensor bent_grid(Index images, std::uint64_t seed) {
  Tensor mesh = random_tensor({images, 9, 6}, seed, DType::f64);
  for (Index i = 0; i < images * 9; ++i) {
    double* v = mesh.data<double>() + 6 * i;
    v[0] = static_cast<double>(i % 3 - 1) + 0.1 * v[0];
    v[1] = static_cast<double>(i % 9 / 3 - 1) + 0.1 * v[1];
    v[2] *= 0.2;
  }
  return mesh;
}

Tensor numbers(Index images, std::initializer_list<double> row) {
  Tensor all = Tensor::empty({images, static_cast<Index>(row.size())}, DType::f64);
  double* to = all.data<double>();
  for (Index n = 0; n < images; ++n) to = std::ranges::copy(row, to).out;
  return all;
}

Tensor camera(Index images) { return numbers(images, {0.1, -0.2, 6, 0.2, -0.1, 0.3, 2.1}); }
Tensor light(Index images) { return numbers(images, {1, 2, 5, 0.7, 0.5, 0.6, 0.3, 0.2, 0.1}); }

// Colours of the grid, from mesh, camera and light.
std::function<Var(const std::vector<Var>&)> colours(Index size) {
  return [renderer = MeshRenderer(9, kGrid), size](const std::vector<Var>& in) {
    return renderer(in[0], in[1], in[2], size).colour;
  };
}

}  // namespace

TEST_CASE("mesh renderer: a tilted square under a near light shows what each pixel's ray meets",
          "[mesh_renderer][golden]") {
  constexpr Index kSize = 24;
  constexpr double kFocal = 1.8;
  // The pose is a quarter turn about the line of sight: v' = (y, x, -z) + location.
  constexpr Vector kLocation{0.2, -0.1, 5}, kLamp{0.5, 1.5, 2}, kColour{0.8, 0.6, 0.4},
      kAmbient{0.1, 0.2, 0.3};
  const auto seen = [](const Vector& p) { return Vector{p[1], p[0], -p[2]}; };
  // What is expected of the corners: all have the normal of the plane.
  Vector normal = cross(kA, kB);
  const double length = std::sqrt(dot(normal, normal));
  double lit[4][3];
  for (std::size_t i = 0; i < 4; ++i) {
    Vector way{};
    for (std::size_t k = 0; k < 3; ++k) way[k] = kLamp[k] - corner(i)[k];
    const double cosine = dot(normal, way) / length / std::sqrt(dot(way, way));
    REQUIRE(cosine > 0.1);
    for (std::size_t k = 0; k < 3; ++k)
      lit[i][k] = kAlbedo[i][k] * (kAmbient[k] + kColour[k] * cosine);
  }

  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto row = [&](std::initializer_list<double> values) {
      return Var(tensor({1, static_cast<Index>(values.size())}, values, dtype));
    };
    const RenderedMeshes rendered = MeshRenderer(4, kQuad)(
        Var(quad(dtype)), row({kLocation[0], kLocation[1], kLocation[2], 0, 0, 1, kFocal}),
        row({kLamp[0], kLamp[1], kLamp[2], kColour[0], kColour[1], kColour[2], kAmbient[0],
             kAmbient[1], kAmbient[2]}),
        kSize);
    REQUIRE(rendered.colour.shape() == Shape{1, kSize, kSize, 3});
    CHECK(rendered.clip.shape() == Shape{1, 4, 4});
    const Tensor colour = rendered.colour.value().to(DType::f64);
    double worst = 0;
    Index shown = 0, differ = 0;
    for (Index q = 0; q < kSize * kSize; ++q) {
      // t ray = o + u a + v b, as the camera sees them, by Cramer's rule.
      const Vector ray{((static_cast<double>(q % kSize) + 0.5) / kSize - 0.5) / kFocal,
                       ((static_cast<double>(q / kSize) + 0.5) / kSize - 0.5) / kFocal, 1},
          a = seen(kA), b = seen(kB), o = seen(kO), minus_ray{-ray[0], -ray[1], -1};
      const Vector minus_o{-o[0] - kLocation[0], -o[1] - kLocation[1], -o[2] - kLocation[2]};
      const double d = determinant(a, b, minus_ray), u = determinant(minus_o, b, minus_ray) / d,
                   v = determinant(a, minus_o, minus_ray) / d;
      const bool inside_quad = u > 0 && u < 1 && v > 0 && v < 1;
      const Index expected_id = !inside_quad ? -1 : (v < u ? 0 : 1);
      differ += rendered.triangle.data<Index>()[q] != expected_id ? 1 : 0;
      shown += inside_quad ? 1 : 0;
      const std::array<double, 4> weight = v < u ? std::array<double, 4>{1 - u, u - v, v, 0}
                                                 : std::array<double, 4>{1 - v, 0, u, v - u};
      for (std::size_t k = 0; k < 3; ++k) {
        double expected = 0;
        for (std::size_t i = 0; inside_quad && i < 4; ++i) expected += weight[i] * lit[i][k];
        const double got = colour.data<double>()[3 * q + static_cast<Index>(k)];
        worst = std::max(worst, std::abs(got - expected));
      }
    }
    CHECK(differ == 0);
    CHECK(shown > 120);
    CHECK(worst < tolerance(dtype));
  }
}

TEST_CASE("mesh renderer: seen from behind, or lit from behind, only ambient light",
          "[mesh_renderer][golden]") {
  constexpr Index kSize = 12;
  const Tensor behind = tensor({1, 9}, {0, 0, -9, 0.7, 0.7, 0.7, 0.25, 0.5, 0.75}, DType::f64);
  Var lamp(behind);
  lamp.set_requires_grad(true);
  const RenderedMeshes rendered = MeshRenderer(4, kQuad)(
      Var(quad(DType::f64)), Var(tensor({1, 7}, {0, 0, 5, 0, 0, 0, 1.8}, DType::f64)), lamp, kSize);
  // Albedo and ambient alone: at the pixel's barycentrics.
  const Raster raster = rasterize(rendered.clip.value(), MeshRenderer(4, kQuad).triangles(),
                                  {.height = kSize, .width = kSize});
  Tensor expected = interpolate_mesh(raster, MeshRenderer(4, kQuad).triangles(),
                                     slice(quad(DType::f64), 2, 3, 6));
  for (Index i = 0; i < expected.numel(); ++i)
    expected.data<double>()[i] *= 0.25 * static_cast<double>(i % 3 + 1);
  CHECK(covered(raster) > 20);
  CHECK(relative_error(rendered.colour.value(), expected) < 1e-14);
  rendered.colour.backward(random_tensor(expected.shape(), 1, DType::f64));
  for (Index i = 0; i < 6; ++i) CHECK(lamp.grad().data<double>()[i] == 0);
  CHECK(std::abs(lamp.grad().data<double>()[6]) > 0.01);
}

TEST_CASE("mesh renderer: gradients by central differences, with respect to all that it is given",
          "[mesh_renderer][grad]") {
  constexpr Index kSize = 8;
  int tried = 0;
  for (std::uint64_t seed = 1; tried < 3; ++seed) {
    REQUIRE(seed < 500);
    const Tensor mesh = bent_grid(1, seed);
    const MeshRenderer renderer(9, kGrid);
    const RenderedMeshes rendered = renderer(Var(mesh), Var(camera(1)), Var(light(1)), kSize);
    // No pixel may change its triangle where a vertex, or the camera 6 units away, is moved by
    // 6e-5.
    if (closest_to_an_edge({rendered.clip.value(), renderer.triangles()}, kSize) < 2e-3) continue;
    ++tried;
    CAPTURE(seed);
    const auto ids = rendered.triangle.span<Index>();
    CHECK(std::count_if(ids.begin(), ids.end(), [](Index t) { return t >= 0; }) > 15);
    check_gradients(colours(kSize), {mesh, camera(1), light(1)});
  }
}

TEST_CASE("mesh renderer: same bits for any number of threads, float agrees with double",
          "[mesh_renderer][property]") {
  constexpr Index kSize = 40, kImages = 3;
  const Tensor mesh = bent_grid(kImages, 5).to(DType::f32), where = camera(kImages).to(DType::f32),
               lamp = light(kImages).to(DType::f32);
  const auto f = colours(kSize);
  const auto values = [&] { return f({Var(mesh), Var(where), Var(lamp)}).value(); };
  check_same_bits_on_any_threads(values);
  check_same_bits_on_any_threads([&] { return all_gradients(f, {mesh, where, lamp}); });
  const Tensor wide =
      f({Var(mesh.to(DType::f64)), Var(where.to(DType::f64)), Var(lamp.to(DType::f64))}).value();
  // But for pixels on edges, that float sees on the other side.
  Index differ = 0, shown = 0;
  const Tensor narrow = values().to(DType::f64);
  for (Index i = 0; i < wide.numel(); ++i) {
    const double a = narrow.data<double>()[i], b = wide.data<double>()[i];
    differ += std::abs(a - b) > 1e-4 ? 1 : 0;
    shown += b != 0 ? 1 : 0;
  }
  CHECK(shown > kImages * 900);
  CHECK(differ <= 9);
}

TEST_CASE("mesh renderer: a mesh behind the camera is not seen", "[mesh_renderer][property]") {
  const Tensor behind = numbers(1, {0, 0, -6, 0, 0, 0, 2});
  const RenderedMeshes rendered =
      MeshRenderer(9, kGrid)(Var(bent_grid(1, 1)), Var(behind), Var(light(1)), 8);
  for (const Index t : rendered.triangle.span<Index>()) CHECK(t == -1);
  CHECK(same_bits(rendered.colour.value(), Tensor::zeros({1, 8, 8, 3}, DType::f64)));
}

TEST_CASE("mesh renderer: what does not fit is refused", "[mesh_renderer][error]") {
  const std::vector<std::array<Index, 3>> outside{{0, 1, 4}}, negative{{0, -1, 2}};
  check_refused([&] { MeshRenderer(4, outside); }, {"4"});
  check_refused([&] { MeshRenderer(4, negative); }, {"-1"});
  const MeshRenderer renderer(4, kQuad);
  const auto refused = [&](const Shape& mesh, const Shape& where, const Shape& lamp, Index size,
                           std::initializer_list<const char*> parts) {
    check_refused(
        [&] {
          (void)renderer(Var(Tensor::zeros(mesh)), Var(Tensor::zeros(where)),
                         Var(Tensor::zeros(lamp)), size);
        },
        parts);
  };
  refused({1, 4, 5}, {1, 7}, {1, 9}, 8, {"MeshRenderer", "[1, 4, 5]", "[N, V, 6]"});
  refused({4, 6}, {1, 7}, {1, 9}, 8, {"MeshRenderer", "[4, 6]"});
  refused({1, 5, 6}, {1, 7}, {1, 9}, 8, {"5", "4"});
  refused({2, 4, 6}, {1, 7}, {2, 9}, 8, {"camera [1, 7]", "[2, 7]"});
  refused({2, 4, 6}, {2, 7}, {2, 8}, 8, {"light [2, 8]", "[2, 9]"});
  refused({1, 4, 6}, {1, 7}, {1, 9}, 0, {"0 pixels"});
}

}  // namespace rf::test
