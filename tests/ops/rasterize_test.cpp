#include "engine/ops/rasterize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "autograd/ops.hpp"
#include "engine/ops/interpolate_mesh.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

double tolerance(DType dtype) { return dtype == DType::f64 ? kDoubleTolerance : kFloatTolerance; }

Tensor triangles_of(std::initializer_list<double> corners) {
  return tensor({static_cast<Index>(corners.size()) / 3, 3}, corners, DType::i64);
}

struct Point {
  double x, y;
};

// Clip coordinates of a place in the picture.
struct Corner {
  Point at;
  double depth, w;
};

Tensor clip_of(const std::vector<Corner>& corners, DType dtype = DType::f64) {
  Tensor clip = Tensor::empty({1, static_cast<Index>(corners.size()), 4}, DType::f64);
  double* c = clip.data<double>();
  for (const Corner& corner : corners) {
    *c++ = corner.at.x * corner.w;
    *c++ = corner.at.y * corner.w;
    *c++ = corner.depth * corner.w;
    *c++ = corner.w;
  }
  return clip.to(dtype);
}

struct Mesh {
  Tensor clip, triangles;
};

// A grid of `cells` x `cells` squares, two triangles each, over `size` pixels and a little outside,
// in perspective: corners moved about, w from 1 to 2, turned about its middle as a whole. Layers
// lie one behind the other, and not in order.
Mesh grid(Index cells, double size, Index images, Index layers, std::uint64_t seed) {
  Random random(seed, RandomPurpose::test);
  const Index side = cells + 1, vertices = side * side * layers;
  Mesh mesh{Tensor::empty({images, vertices, 4}, DType::f64),
            Tensor::empty({2 * cells * cells * layers, 3}, DType::i64)};
  double* c = mesh.clip.data<double>();
  const double step = 1.1 * size / static_cast<double>(cells);
  const auto between = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(random.uniform());
  };
  for (Index n = 0; n < images; ++n) {
    for (Index layer = 0; layer < layers; ++layer) {
      const double angle = between(0, 6), s = std::sin(angle), k = std::cos(angle),
                   depth = static_cast<double>((layer * 3 + n) % layers);
      for (Index i = 0; i < side; ++i) {
        for (Index j = 0; j < side; ++j) {
          const double x = step * (static_cast<double>(j) + between(-0.3, 0.3)) - 0.55 * size,
                       y = step * (static_cast<double>(i) + between(-0.3, 0.3)) - 0.55 * size,
                       w = between(1, 2);
          *c++ = (0.5 * size + k * x - s * y) * w;
          *c++ = (0.5 * size + s * x + k * y) * w;
          *c++ = (depth + between(0, 0.1)) * w;
          *c++ = w;
        }
      }
    }
  }
  Index* t = mesh.triangles.data<Index>();
  for (Index layer = 0; layer < layers; ++layer) {
    for (Index i = 0; i < cells; ++i) {
      for (Index j = 0; j < cells; ++j) {
        const Index a = (layer * side + i) * side + j;
        for (const Index v : {a, a + 1, a + side, a + side, a + 1, a + side + 1}) *t++ = v;
      }
    }
  }
  return mesh;
}

Point on_screen(const double* clip) { return {clip[0] / clip[3], clip[1] / clip[3]}; }

// Twice the area to the left of the line from a to b, up to p.
double area(Point a, Point b, Point p) {
  return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

// A signed distance: of p from the outline of a triangle, positive inside.
double inside(Point a, Point b, Point c, Point p) {
  const double sign = area(a, b, c) < 0 ? -1 : 1;
  const auto distance = [&](Point from, Point to) {
    return sign * area(from, to, p) / std::hypot(to.x - from.x, to.y - from.y);
  };
  return std::min({distance(a, b), distance(b, c), distance(c, a)});
}

// The distance to the outline of a triangle that a pixel's centre comes closest to.
double closest_to_an_edge(const Mesh& mesh, Index size) {
  double closest = std::numeric_limits<double>::infinity();
  for (Index t = 0; t < mesh.triangles.shape()[0]; ++t) {
    const Index* corner = mesh.triangles.data<Index>() + 3 * t;
    Point p[3];
    for (int k = 0; k < 3; ++k) p[k] = on_screen(mesh.clip.data<double>() + 4 * corner[k]);
    for (Index q = 0; q < size * size; ++q) {
      const Point centre{static_cast<double>(q % size) + 0.5, static_cast<double>(q / size) + 0.5};
      closest = std::min(closest, std::abs(inside(p[0], p[1], p[2], centre)));
    }
  }
  return closest;
}

// How often each pixel of size x size is covered when triangles are drawn one by one.
std::vector<int> coverage(const Tensor& clip, const Tensor& triangles, Index size) {
  std::vector<int> count(static_cast<std::size_t>(size * size));
  for (Index t = 0; t < triangles.shape()[0]; ++t) {
    Tensor one = Tensor::empty({1, 3}, DType::i64);
    std::copy_n(triangles.data<Index>() + 3 * t, 3, one.data<Index>());
    const Raster raster = rasterize(clip, one, {.height = size, .width = size});
    for (std::size_t q = 0; q < count.size(); ++q)
      count[q] += raster.triangle.span<Index>()[q] == 0 ? 1 : 0;
  }
  return count;
}

// ag::rasterize's barycentrics.
std::function<ag::Var(const std::vector<ag::Var>&)> barycentrics(const Tensor& triangles,
                                                                 Index size) {
  return [=](const std::vector<ag::Var>& in) {
    return ag::rasterize(in[0], triangles, {.height = size, .width = size}).barycentric;
  };
}

// A picture of attributes, from vertices and attributes.
std::function<ag::Var(const std::vector<ag::Var>&)> picture(const Tensor& triangles, Index size) {
  return [=](const std::vector<ag::Var>& in) {
    const ag::MeshRaster raster = ag::rasterize(in[0], triangles, {.height = size, .width = size});
    return ag::interpolate_mesh(raster.barycentric, raster.triangle, triangles, in[1]);
  };
}

bool all_finite(const Tensor& t) {
  const Tensor wide = t.to(DType::f64);
  const auto values = wide.span<double>();
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

Index covered(const Raster& raster) {
  const auto ids = raster.triangle.span<Index>();
  return std::count_if(ids.begin(), ids.end(), [](Index t) { return t >= 0; });
}

}  // namespace

TEST_CASE("rasterize: half of a square, by hand", "[rasterize][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor clip = clip_of({{{0, 0}, 1, 1}, {{4, 0}, 1, 1}, {{0, 4}, 1, 1}}, dtype),
                 triangles = triangles_of({0, 1, 2});
    const Raster raster = rasterize(clip, triangles, {.height = 3, .width = 4});
    // On the diagonal, row + column = 3, the triangle lies to the left: not its pixels.
    CHECK(same_bits(raster.triangle, tensor({1, 3, 4},
                                            {0, 0, 0, -1,   //
                                             0, 0, -1, -1,  //
                                             0, -1, -1, -1},
                                            DType::i64)));
    CHECK(raster.barycentric.shape() == Shape{1, 3, 4, 3});
    CHECK(relative_error(raster.barycentric,
                         tensor({1, 3, 4, 3}, {0.75, 0.125, 0.125, 0.5,  0.375, 0.125,  //
                                               0.25, 0.625, 0.125, 0,    0,     0,      //
                                               0.5,  0.125, 0.375, 0.25, 0.375, 0.375,  //
                                               0,    0,     0,     0,    0,     0,      //
                                               0.25, 0.125, 0.625, 0,    0,     0,      //
                                               0,    0,     0,     0,    0,     0},
                                dtype)) < tolerance(dtype));

    // Two attributes: the column of the vertex, and 8 at vertex 0.
    const Tensor y =
        interpolate_mesh(raster, triangles, tensor({1, 3, 2}, {0, 8, 4, 0, 0, 0}, dtype));
    CHECK(relative_error(y, tensor({1, 3, 4, 2}, {0.5, 6, 1.5, 4, 2.5, 2, 0, 0,  //
                                                  0.5, 4, 1.5, 2, 0,   0, 0, 0,  //
                                                  0.5, 2, 0,   0, 0,   0, 0, 0},
                                   dtype)) < tolerance(dtype));
  }
}

TEST_CASE("rasterize: a centre on an edge goes to the right, on a level edge down",
          "[rasterize][golden]") {
  // A square of three pixels cut along column 1.5, along row 1.5, and along its diagonals.
  const Tensor clip = clip_of({{{1.5, -6}, 0, 1},  // a line down,
                               {{1.5, 9}, 0, 2},   //
                               {{-6, 1.5}, 0, 1},  // a line across,
                               {{9, 1.5}, 0, 2},   //
                               {{0, 0}, 0, 1},     // the corners of the square, in a circle
                               {{3, 0}, 0, 2},     //
                               {{3, 3}, 0, 1},     //
                               {{0, 3}, 0, 4}});
  const auto cut = [&](std::initializer_list<double> corners) {
    return rasterize(clip, triangles_of(corners), {.height = 3, .width = 3}).triangle;
  };
  const auto ids = [](std::initializer_list<double> values) {
    return tensor({1, 3, 3}, values, DType::i64);
  };
  // Left and right of the line down, either way around and in either order.
  CHECK(same_bits(cut({0, 1, 2, 0, 1, 3}), ids({0, 1, 1, 0, 1, 1, 0, 1, 1})));
  CHECK(same_bits(cut({1, 0, 3, 0, 1, 2}), ids({1, 0, 0, 1, 0, 0, 1, 0, 0})));
  // Above and below the line across.
  CHECK(same_bits(cut({2, 3, 0, 2, 3, 1}), ids({0, 0, 0, 1, 1, 1, 1, 1, 1})));
  CHECK(same_bits(cut({3, 2, 1, 3, 2, 0}), ids({1, 1, 1, 0, 0, 0, 0, 0, 0})));
  // Lower left and upper right half of the square, upper left and lower right.
  CHECK(same_bits(cut({4, 6, 7, 4, 5, 6}), ids({1, 1, 1, 0, 1, 1, 0, 0, 1})));
  CHECK(same_bits(cut({4, 5, 7, 5, 6, 7}), ids({0, 0, 1, 0, 1, 1, 1, 1, 1})));
}

TEST_CASE("rasterize: gradients by hand", "[rasterize][golden][grad]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor clip = clip_of({{{0, 0}, 1, 1}, {{4, 0}, 1, 1}, {{0, 4}, 1, 1}}, dtype),
                 triangles = triangles_of({0, 1, 2});
    const Raster raster = rasterize(clip, triangles, {.height = 1, .width = 1});
    // L = b_1 of the pixel whose b is (3/4, 1/8, 1/8): D = 16, and the sum over h_i (v_(i+1) x
    // v_(i+2)) is -1/8 (-4, -4, 16) + 7/8 (4, 0, 0) - 1/8 (0, 4, 0) = (4, 0, -2).
    const Tensor gclip =
        rasterize_grad(tensor({1, 1, 1, 3}, {0, 1, 0}, dtype), clip, triangles, raster);
    CHECK(relative_error(gclip, tensor({1, 3, 4},
                                       {-0.1875, 0, 0, 0.09375,    //
                                        -0.03125, 0, 0, 0.015625,  //
                                        -0.03125, 0, 0, 0.015625},
                                       dtype)) < tolerance(dtype));

    const Tensor attributes = tensor({1, 3, 2}, {1, 2, 3, 4, 5, 6}, dtype),
                 gy = tensor({1, 1, 1, 2}, {2, -1}, dtype);
    CHECK(relative_error(interpolate_mesh_grad_barycentric(gy, raster, triangles, attributes),
                         tensor({1, 1, 1, 3}, {0, 2, 4}, dtype)) < tolerance(dtype));
    CHECK(relative_error(interpolate_mesh_grad_attributes(gy, raster, triangles, 4),
                         tensor({1, 4, 2}, {1.5, -0.75, 0.25, -0.125, 0.25, -0.125, 0, 0}, dtype)) <
          tolerance(dtype));
  }
}

TEST_CASE("rasterize: refuses what it cannot honour, and says what", "[rasterize][error]") {
  const Tensor clip = Tensor::zeros({2, 5, 4}), triangles = triangles_of({0, 1, 2, 2, 3, 4});
  const RasterizeParams params{.height = 3, .width = 4};
  check_refused(
      [&] {
        (void)rasterize(Tensor::zeros({5, 4}), triangles, params);
      },
      {"rasterize", "[5, 4]", "[N, V, 4]"});
  check_refused(
      [&] {
        (void)rasterize(Tensor::zeros({2, 5, 3}), triangles, params);
      },
      {"[2, 5, 3]", "[N, V, 4]"});
  check_refused(
      [&] {
        (void)rasterize(Tensor::zeros({2, 5, 4}, DType::i64), triangles, params);
      },
      {"rasterize", "i64"});
  check_refused(
      [&] {
        (void)rasterize(clip, Tensor::zeros({2, 4}, DType::i64), params);
      },
      {"[2, 4]", "[T, 3]"});
  check_refused([&] { (void)rasterize(clip, Tensor::zeros({2, 3}), params); }, {"f32", "i64"});
  check_refused(
      [&] {
        (void)rasterize(clip, triangles_of({0, 1, 2, 4, 5, 3}), params);
      },
      {"triangle 1", "vertex 5", "less than 5"});
  check_refused(
      [&] {
        (void)rasterize(clip, triangles_of({0, -1, 2}), params);
      },
      {"triangle 0", "vertex -1"});
  check_refused([&] { (void)rasterize(clip, triangles, {.height = -3, .width = 4}); },
                {"-3 x 4", "negative"});
  check_refused<Error>(
      [&] {
        (void)rasterize(clip, triangles, {.height = Index{1} << 40, .width = Index{1} << 40});
      },
      {});

  const Raster raster = rasterize(clip, triangles, params);
  const Tensor& b = raster.barycentric;
  constexpr const char* kGradient = "rasterize gradient";
  check_refused(
      [&] {
        (void)rasterize_grad(Tensor::zeros({2, 3, 3, 3}), clip, triangles, raster);
      },
      {kGradient, "[2, 3, 3, 3]", "[2, 3, 4, 3]"});
  check_refused([&] { (void)rasterize_grad(b.to(DType::f64), clip, triangles, raster); },
                {kGradient, "f64", "f32"});
  check_refused(
      [&] {
        (void)rasterize_grad(b, Tensor::zeros({1, 5, 4}), triangles, raster);
      },
      {kGradient, "[1, 5, 4]", "[2, 3, 4, 3]"});
  check_refused(
      [&] {
        (void)rasterize_grad(b, clip, triangles_of({0, 1, 7}), raster);
      },
      {kGradient, "vertex 7"});
  Raster broken = rasterize(clip, triangles, params);
  broken.triangle.data<Index>()[7] = 2;
  check_refused([&] { (void)rasterize_grad(b, clip, triangles, broken); },
                {kGradient, "id 2", "pixel 7", "less than 2"});
  broken.triangle.data<Index>()[7] = -2;
  check_refused([&] { (void)rasterize_grad(b, clip, triangles, broken); }, {"id -2"});
  broken.triangle = Tensor::zeros({2, 4, 3}, DType::i64);
  check_refused([&] { (void)rasterize_grad(b, clip, triangles, broken); },
                {"[2, 4, 3]", "[2, 3, 4]"});
}

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

TEST_CASE("rasterize: gradients by central differences, in perspective", "[rasterize][grad]") {
  constexpr Index kSize = 7;
  int tried = 0;
  for (std::uint64_t seed = 1; tried < 4; ++seed) {
    // Where a vertex is moved by 3e-4 no pixel may change its triangle.
    Mesh mesh = grid(2, kSize, 1, 2, seed);
    if (closest_to_an_edge(mesh, kSize) < 1e-3) continue;
    ++tried;
    CAPTURE(seed);
    check_gradients(barycentrics(mesh.triangles, kSize), {mesh.clip});
    check_gradients(picture(mesh.triangles, kSize),
                    {mesh.clip, random_tensor({1, mesh.clip.shape()[1], 4}, seed, DType::f64)});
  }
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

TEST_CASE("rasterize: a tilted plane shows at each pixel what its ray meets",
          "[rasterize][property]") {
  // The plane P = origin + u a + v b, in front of a camera at 0 that looks along +z.
  constexpr double kFocal = 40, kMiddle = 16;
  constexpr std::array<double, 3> kOrigin{-1.93, -1.2, 3}, kA{3.5, 0.3, 2.5}, kB{-0.2, 2.1, 4};
  const Index size = 32;
  Tensor clip = Tensor::empty({1, 4, 4}, DType::f64);
  const Tensor uv = tensor({1, 4, 2}, {0, 0, 1, 0, 0, 1, 1, 1}, DType::f64);
  for (Index v = 0; v < 4; ++v) {
    double p[3];
    for (std::size_t k = 0; k < 3; ++k)
      p[k] = kOrigin[k] + uv.data<double>()[2 * v] * kA[k] + uv.data<double>()[2 * v + 1] * kB[k];
    const double values[4] = {kFocal * p[0] + kMiddle * p[2], kFocal * p[1] + kMiddle * p[2],
                              p[2] - 0.1, p[2]};
    std::copy_n(values, 4, clip.data<double>() + 4 * v);
  }
  const Tensor triangles = triangles_of({0, 1, 2, 1, 2, 3});
  const Raster raster = rasterize(clip, triangles, {.height = size, .width = size});
  const Tensor y = interpolate_mesh(raster, triangles, uv);
  const auto determinant = [](const double* a, const double* b, const double* c) {
    return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
           a[2] * (b[0] * c[1] - b[1] * c[0]);
  };
  double worst = 0;
  Index shown = 0, differ = 0;
  for (Index q = 0; q < size * size; ++q) {
    // t ray = origin + u a + v b, by Cramer's rule.
    const double ray[3] = {(static_cast<double>(q % size) + 0.5 - kMiddle) / kFocal,
                           (static_cast<double>(q / size) + 0.5 - kMiddle) / kFocal, 1};
    const double minus_origin[3] = {-kOrigin[0], -kOrigin[1], -kOrigin[2]},
                 minus_ray[3] = {-ray[0], -ray[1], -ray[2]};
    const double d = determinant(kA.data(), kB.data(), minus_ray),
                 u = determinant(minus_origin, kB.data(), minus_ray) / d,
                 v = determinant(kA.data(), minus_origin, minus_ray) / d;
    const bool on_plane = u >= 0 && u <= 1 && v >= 0 && v <= 1;
    const Index id = raster.triangle.data<Index>()[q];
    differ += on_plane != (id >= 0) || (on_plane && (u + v > 1) != (id == 1)) ? 1 : 0;
    if (id < 0) continue;
    ++shown;
    worst = std::max(
        {worst, std::abs(y.data<double>()[2 * q] - u), std::abs(y.data<double>()[2 * q + 1] - v)});
  }
  CHECK(shown > 300);
  CHECK(differ == 0);
  CHECK(worst < 1e-9);
}

TEST_CASE("rasterize: agrees with dividing first and correcting for perspective after",
          "[rasterize][property]") {
  // Wide enough that a picture is drawn in several bands.
  constexpr Index kHeight = 230, kWidth = 150;
  const Mesh mesh = grid(9, 150, 2, 3, 8);
  const Raster raster = rasterize(mesh.clip, mesh.triangles, {.height = kHeight, .width = kWidth});
  double worst = 0;
  Index differ = 0, near_edges = 0;
  for (Index n = 0; n < 2; ++n) {
    const double* clip = mesh.clip.data<double>() + n * mesh.clip.shape()[1] * 4;
    std::vector<double> depth(kHeight * kWidth, std::numeric_limits<double>::infinity());
    std::vector<Index> id(kHeight * kWidth, -1);
    std::vector<std::array<double, 3>> b(kHeight * kWidth);
    std::vector<bool> near_edge(kHeight * kWidth);
    for (Index t = 0; t < mesh.triangles.shape()[0]; ++t) {
      const Index* corner = mesh.triangles.data<Index>() + 3 * t;
      const double* c[3];
      Point s[3];
      for (int k = 0; k < 3; ++k) c[k] = clip + 4 * corner[k], s[k] = on_screen(c[k]);
      const double whole = area(s[0], s[1], s[2]);
      for (std::size_t q = 0; q < depth.size(); ++q) {
        const Point p{static_cast<double>(q % kWidth) + 0.5, static_cast<double>(q / kWidth) + 0.5};
        const double part[3] = {area(s[1], s[2], p) / whole, area(s[2], s[0], p) / whole,
                                area(s[0], s[1], p) / whole};
        const double least = std::min({part[0], part[1], part[2]});
        if (std::abs(least) < 1e-9) near_edge[q] = true;
        if (least < 0) continue;
        double z = 0, sum = 0;
        for (int k = 0; k < 3; ++k) z += part[k] * c[k][2] / c[k][3], sum += part[k] / c[k][3];
        if (z >= depth[q]) continue;
        depth[q] = z, id[q] = t;
        for (std::size_t k = 0; k < 3; ++k) b[q][k] = part[k] / c[k][3] / sum;
      }
    }
    for (std::size_t q = 0; q < depth.size(); ++q) {
      if (near_edge[q]) {
        ++near_edges;
        continue;
      }
      const Index at = n * kHeight * kWidth + static_cast<Index>(q);
      differ += raster.triangle.data<Index>()[at] != id[q] ? 1 : 0;
      for (std::size_t k = 0; k < 3; ++k) {
        const double got = raster.barycentric.data<double>()[3 * at + static_cast<Index>(k)];
        worst = std::max(worst, std::abs(got - b[q][k]));
      }
    }
  }
  CHECK(differ == 0);
  CHECK(worst < 1e-9);
  CHECK(near_edges < 10);
  CHECK(covered(raster) > kHeight * kWidth);
}

TEST_CASE("rasterize: two triangles that share an edge cover each pixel of a quad once",
          "[rasterize][property]") {
  constexpr Index kSize = 12;
  Random random(9, RandomPurpose::test);
  Index pixels_on_diagonals = 0;
  int twice = 0, holes = 0, outside = 0, quads = 0;
  while (quads < 3000) {
    // Half of them with corners on half pixels, so that edges meet centres; some across the border.
    const bool exact = quads % 2 == 0;
    const auto coordinate = [&] {
      return exact ? 0.5 * (static_cast<double>(random.below(33)) - 4)
                   : static_cast<double>(random.uniform(-2, 14));
    };
    const auto w = [&] {
      return exact ? static_cast<double>(1 + random.below(2))
                   : static_cast<double>(random.uniform(0.5F, 3));
    };
    std::vector<Corner> c(4);
    for (Corner& corner : c) corner = {{coordinate(), coordinate()}, 1, w()};
    const double left = area(c[0].at, c[2].at, c[1].at), right = area(c[0].at, c[2].at, c[3].at);
    if (!(left * right < 0)) continue;
    ++quads;
    // Either may be seen from behind, and begin anywhere.
    const Tensor triangles = std::array<Tensor, 4>{
        triangles_of({0, 1, 2, 0, 2, 3}), triangles_of({2, 1, 0, 3, 0, 2}),
        triangles_of({1, 2, 0, 0, 3, 2}), triangles_of({2, 0, 1, 2, 0, 3})}[random.below(4)];
    const std::vector<int> count = coverage(clip_of(c), triangles, kSize);
    for (Index q = 0; q < kSize * kSize; ++q) {
      const Point p{static_cast<double>(q % kSize) + 0.5, static_cast<double>(q / kSize) + 0.5};
      const double a = inside(c[0].at, c[1].at, c[2].at, p),
                   b = inside(c[0].at, c[2].at, c[3].at, p);
      const double middle = std::abs(area(c[0].at, c[2].at, p)) /
                            std::hypot(c[2].at.x - c[0].at.x, c[2].at.y - c[0].at.y);
      const int times = count[static_cast<std::size_t>(q)];
      twice += times > 1 ? 1 : 0;
      // On the diagonal, and not at its ends.
      const bool on_diagonal = middle < 1e-12 && a > -1e-12 && b > -1e-12 &&
                               std::min(std::hypot(p.x - c[0].at.x, p.y - c[0].at.y),
                                        std::hypot(p.x - c[2].at.x, p.y - c[2].at.y)) > 1e-9;
      pixels_on_diagonals += on_diagonal ? 1 : 0;
      holes += (a > 1e-9 || b > 1e-9 || on_diagonal) && times == 0 ? 1 : 0;
      outside += a < -1e-9 && b < -1e-9 && times != 0 ? 1 : 0;
    }
  }
  CHECK(twice == 0);
  CHECK(holes == 0);
  CHECK(outside == 0);
  CHECK(pixels_on_diagonals > 500);
}

TEST_CASE("rasterize: triangles around a vertex on a pixel's centre cover it once",
          "[rasterize][property]") {
  Random random(10, RandomPurpose::test);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    // Corners around (4.5, 4.5), in every octant or so, on centres or between them.
    std::vector<Corner> c{{{4.5, 4.5}, 1, 2}};
    const Point around[8] = {{1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}, {0, -1}, {1, -1}};
    for (const Point& p : around) {
      const double far = 0.5 * static_cast<double>(1 + random.below(6));
      c.push_back(
          {{4.5 + far * p.x, 4.5 + far * p.y}, 1, static_cast<double>(1 + random.below(2))});
    }
    Tensor triangles = Tensor::empty({8, 3}, DType::i64);
    for (Index t = 0; t < 8; ++t) {
      const Index corner[3] = {0, 1 + t, 1 + (t + 1) % 8};
      std::copy_n(corner, 3, triangles.data<Index>() + 3 * t);
    }
    const std::vector<int> count = coverage(clip_of(c), triangles, 9);
    CHECK(count[4 * 9 + 4] == 1);
    CHECK(*std::max_element(count.begin(), count.end()) == 1);
  }
}

TEST_CASE("rasterize: the nearer wins, of equally near ones the first", "[rasterize][property]") {
  const std::vector<Corner> triangle{{{-1, -1}, 0, 1}, {{20, -1}, 0, 3}, {{-1, 20}, 0, 2}};
  const auto at = [&](double first, double second) {
    std::vector<Corner> c = triangle;
    c.insert(c.end(), triangle.begin(), triangle.end());
    for (std::size_t i = 0; i < 3; ++i) c[i].depth = first, c[3 + i].depth = second;
    const Raster raster =
        rasterize(clip_of(c), triangles_of({0, 1, 2, 3, 4, 5}), {.height = 5, .width = 5});
    REQUIRE(covered(raster) == 25);
    const auto ids = raster.triangle.span<Index>();
    return std::count(ids.begin(), ids.end(), 0);
  };
  CHECK(at(0.5, 0.7) == 25);
  CHECK(at(0.7, 0.5) == 0);
  CHECK(at(0.5, 0.5) == 25);
  CHECK(at(-0.5, -0.7) == 0);  // there is no near plane
  CHECK(at(1e30, 2e30) == 25);

  // What counts is z / w: here the first has the larger z.
  const Tensor clip = clip_of({{{-1, -1}, 0.25, 8},
                               {{20, -1}, 0.25, 8},
                               {{-1, 20}, 0.25, 8},
                               {{-1, -1}, 0.5, 1},
                               {{20, -1}, 0.5, 1},
                               {{-1, 20}, 0.5, 1}});
  const Raster far = rasterize(clip, triangles_of({3, 4, 5, 0, 1, 2}), {.height = 5, .width = 5});
  CHECK(std::count(far.triangle.span<Index>().begin(), far.triangle.span<Index>().end(), 1) == 25);

  // Two that pass through each other, at x = 2.
  std::vector<Corner> crossing(6);
  const double x[3] = {-10, 14, -10}, y[3] = {-20, 2.5, 25};
  for (std::size_t i = 0; i < 3; ++i) {
    crossing[i] = {{x[i], y[i]}, 0.1 * (x[i] - 2), 1 + static_cast<double>(i)};
    crossing[3 + i] = {{x[i], y[i]}, 0.1 * (2 - x[i]), 2};
  }
  const Raster both =
      rasterize(clip_of(crossing), triangles_of({0, 1, 2, 3, 4, 5}), {.height = 5, .width = 5});
  for (Index q = 0; q < 25; ++q) CHECK(both.triangle.data<Index>()[q] == (q % 5 < 2 ? 0 : 1));
}

TEST_CASE("rasterize: back faces are drawn, barycentrics turned with the vertices",
          "[rasterize][property]") {
  const Mesh mesh = grid(3, 20, 1, 2, 11);
  Tensor turned = mesh.triangles.clone();
  for (Index t = 0; t < turned.shape()[0]; ++t)
    std::swap(turned.data<Index>()[3 * t], turned.data<Index>()[3 * t + 2]);
  const Raster front = rasterize(mesh.clip, mesh.triangles, {.height = 20, .width = 20}),
               back = rasterize(mesh.clip, turned, {.height = 20, .width = 20});
  CHECK(covered(front) > 200);
  CHECK(same_bits(front.triangle, back.triangle));
  Tensor expected = front.barycentric.clone();
  for (Index q = 0; q < 400; ++q)
    std::swap(expected.data<double>()[3 * q], expected.data<double>()[3 * q + 2]);
  CHECK(relative_error(back.barycentric, expected) < 1e-14);
}

TEST_CASE("rasterize: a triangle with a vertex that cannot be projected is left out",
          "[rasterize][property]") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (const DType dtype : {DType::f32, DType::f64}) {
    // In front: a triangle over the whole picture. Behind it another.
    const Tensor good = clip_of({{{-9, -9}, 0, 1},
                                 {{40, -9}, 0, 2},
                                 {{-9, 40}, 0, 3},
                                 {{-9, -9}, 1, 2},
                                 {{40, -9}, 1, 2},
                                 {{-9, 40}, 1, 2}},
                                DType::f64);
    const Tensor triangles = triangles_of({0, 1, 2, 3, 4, 5});
    const auto with = [&](Index vertex, Index coordinate, double value) {
      Tensor clip = good.clone();
      clip.data<double>()[4 * vertex + coordinate] = value;
      clip = clip.to(dtype);
      const Raster raster = rasterize(clip, triangles, {.height = 6, .width = 6});
      CHECK(all_finite(raster.barycentric));
      const Tensor gclip =
          rasterize_grad(random_tensor({1, 6, 6, 3}, 12, dtype), clip, triangles, raster);
      CHECK(all_finite(gclip));
      const auto ids = raster.triangle.span<Index>();
      return std::count(ids.begin(), ids.end(), 1);
    };
    CHECK(with(0, 2, 0) == 0);
    for (Index vertex = 0; vertex < 3; ++vertex) {
      for (Index coordinate = 0; coordinate < 4; ++coordinate) {
        for (const double value : {nan, inf, -inf}) {
          CAPTURE(vertex, coordinate, value);
          CHECK(with(vertex, coordinate, value) == 36);
        }
      }
      for (const double w : {0.0, -0.0, -1.0, -1e-30, 1e-31, 1e-42}) {
        CAPTURE(vertex, w);
        CHECK(with(vertex, 3, w) == 36);
      }
    }
    // A tiny w that is allowed, coordinates that no integer holds: drawn or not, nothing breaks.
    for (Index coordinate = 0; coordinate < 4; ++coordinate) {
      for (const double value : {1e-29, 1e-6, 1e19, -1e19, 1e30, -1e30, 3e38, -3e38})
        CHECK(with(1, coordinate, value) <= 36);
    }
  }
  // All three at the far end of what is drawn.
  for (const double far : {1e10, 1e20, 1e59}) {
    const Tensor clip = clip_of({{{-far, -far}, 0, 1}, {{far, -far}, 0, 1}, {{0.25, far}, 0, 1}});
    const Raster raster = rasterize(clip, triangles_of({0, 1, 2}), {.height = 4, .width = 4});
    CHECK(covered(raster) == 16);
    CHECK(all_finite(raster.barycentric));
  }
}

TEST_CASE("rasterize: triangles without area are left out", "[rasterize][property]") {
  Random random(13, RandomPurpose::test);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const auto coordinate = [&] { return static_cast<double>(random.uniform(-3, 12)); };
    const Corner a{{coordinate(), coordinate()}, 0, 1.7}, b{{coordinate(), coordinate()}, 0, 0.6};
    const double t = static_cast<double>(random.uniform(-1, 2));
    // A vertex twice; a third on the line of the other two; along a row and a diagonal of centres.
    const Corner between{{a.at.x + t * (b.at.x - a.at.x), a.at.y + t * (b.at.y - a.at.y)}, 0, 1.3};
    const std::vector<std::vector<Corner>> flat{
        {a, a, b},
        {a, b, a},
        {b, a, a},
        {a, a, a},
        {a, b, between},
        {{{a.at.x, 2.5}, 0, 1.7}, {{b.at.x, 2.5}, 0, 0.6}, {{between.at.x, 2.5}, 0, 1.3}},
        {{{a.at.x, a.at.x}, 0, 1.7}, {{b.at.x, b.at.x}, 0, 0.6}, {{t, t}, 0, 1.3}}};
    for (const std::vector<Corner>& corners : flat) {
      CHECK(covered(rasterize(clip_of(corners), triangles_of({0, 1, 2}),
                              {.height = 9, .width = 9})) == 0);
    }
  }
}

TEST_CASE("rasterize: a triangle larger than the picture covers it all, in any perspective",
          "[rasterize][property]") {
  const Tensor triangles = triangles_of({0, 1, 2});
  const std::vector<Corner> c{{{-1000, -500}, 0, 1}, {{3000, -700}, 0, 50}, {{-800, 4000}, 0, 0.1}};
  const Raster raster = rasterize(clip_of(c), triangles, {.height = 200, .width = 90});
  CHECK(covered(raster) == 200 * 90);
  // The barycentrics give back where the pixel is.
  Tensor clip = clip_of(c), y = interpolate_mesh(raster, triangles, clip);
  double worst = 0, sums = 0;
  for (Index q = 0; q < 200 * 90; ++q) {
    const double *v = y.data<double>() + 4 * q, *b = raster.barycentric.data<double>() + 3 * q;
    worst = std::max({worst, std::abs(v[0] / v[3] - (static_cast<double>(q % 90) + 0.5)),
                      std::abs(v[1] / v[3] - (static_cast<double>(q / 90) + 0.5))});
    sums = std::max(sums, std::abs(b[0] + b[1] + b[2] - 1));
  }
  CHECK(worst < 1e-9);
  CHECK(sums < 1e-15);
}

TEST_CASE("rasterize: no images, no pixels, no triangles, no vertices", "[rasterize][property]") {
  const Tensor triangles = triangles_of({0, 1, 2}), none = Tensor::zeros({0, 3}, DType::i64);
  const auto check = [](const Tensor& clip, const Tensor& t, Index height, Index width) {
    const Raster raster = rasterize(clip, t, {.height = height, .width = width});
    const Index images = clip.shape()[0];
    CHECK(raster.triangle.shape() == Shape{images, height, width});
    CHECK(raster.barycentric.shape() == Shape{images, height, width, 3});
    CHECK(covered(raster) == 0);
    CHECK(same_bits(raster.barycentric, Tensor::zeros(raster.barycentric.shape())));
    CHECK(same_bits(rasterize_grad(raster.barycentric, clip, t, raster),
                    Tensor::zeros(clip.shape())));
    const Tensor y = interpolate_mesh(raster, t, clip);
    CHECK(same_bits(y, Tensor::zeros({images, height, width, 4})));
    CHECK(same_bits(interpolate_mesh_grad_barycentric(y, raster, t, clip), raster.barycentric));
    CHECK(same_bits(interpolate_mesh_grad_attributes(y, raster, t, clip.shape()[1]),
                    Tensor::zeros(clip.shape())));
    CHECK(interpolate_mesh(raster, t, Tensor::zeros({images, clip.shape()[1], 0})).numel() == 0);
  };
  check(Tensor::zeros({0, 3, 4}), triangles, 4, 5);
  check(Tensor::zeros({2, 3, 4}), triangles, 0, 5);
  check(Tensor::zeros({2, 3, 4}), triangles, 5, 0);
  check(Tensor::zeros({2, 3, 4}), none, 4, 5);
  check(Tensor::zeros({2, 0, 4}), none, 4, 5);
}

TEST_CASE("rasterize: gradient of what does not change a picture is 0", "[rasterize][property]") {
  const Mesh mesh = grid(3, 20, 1, 2, 14);
  const Raster raster = rasterize(mesh.clip, mesh.triangles, {.height = 20, .width = 20});
  const Tensor gclip = rasterize_grad(random_tensor({1, 20, 20, 3}, 15, DType::f64), mesh.clip,
                                      mesh.triangles, raster);
  double scaled = 0, all = 0;
  for (Index i = 0; i < gclip.numel(); ++i) {
    const double g = gclip.data<double>()[i] * mesh.clip.data<double>()[i];
    scaled += g, all += std::abs(g);
    if (i % 4 == 2) CHECK(gclip.data<double>()[i] == 0);
  }
  // All vertices times one number are seen in the same places. z hides and does not move.
  CHECK(all > 1);
  CHECK(std::abs(scaled) < 1e-12 * all);
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

TEST_CASE("rasterize: where operations only give shapes, it does", "[rasterize][property]") {
  const Mesh mesh = grid(3, 20, 2, 1, 19);
  const ShapesOnlyScope shapes_only;
  const ag::Var y = picture(mesh.triangles, 20)(
      {ag::Var(mesh.clip), ag::Var(random_tensor({2, mesh.clip.shape()[1], 5}, 20, DType::f64))});
  CHECK(y.shape() == Shape{2, 20, 20, 5});
}

TEST_CASE("rasterize: same bits for any number of threads, tables agree", "[rasterize][property]") {
  const Mesh mesh = grid(12, 200, 3, 2, 21);
  const Tensor clip = mesh.clip.to(DType::f32),
               attributes = random_tensor({3, clip.shape()[1], 3}, 22);
  const auto ids = [&] {
    return rasterize(clip, mesh.triangles, {.height = 200, .width = 200}).triangle;
  };
  const auto values = [&] {
    return picture(mesh.triangles, 200)({ag::Var(clip), ag::Var(attributes)}).value();
  };
  const auto gradients = [&] {
    return all_gradients(picture(mesh.triangles, 200), {clip, attributes});
  };
  check_same_bits_on_any_threads(ids);
  check_same_bits_on_any_threads(values);
  check_same_bits_on_any_threads(gradients);
  check_tables_agree(values);
  check_tables_agree(gradients);
}

TEST_CASE("rasterize: float agrees with double", "[rasterize][isa]") {
  for (const Index size : {1, 2, 7, 16, 33, 64}) {
    CAPTURE(size);
    const Mesh mesh = grid(8, static_cast<double>(size), 2, 2, 23);
    const Tensor clip = mesh.clip.to(DType::f32), wide = clip.to(DType::f64),
                 gb = random_tensor({2, size, size, 3}, 24);
    const RasterizeParams params{.height = size, .width = size};
    const Raster raster = rasterize(clip, mesh.triangles, params),
                 expected = rasterize(wide, mesh.triangles, params);
    CHECK(same_bits(raster.triangle, expected.triangle));
    CHECK(relative_error(raster.barycentric, expected.barycentric) < 1e-6);
    CHECK(relative_error(rasterize_grad(gb, clip, mesh.triangles, raster),
                         rasterize_grad(gb.to(DType::f64), wide, mesh.triangles, expected)) <
          kFloatTolerance);
  }
}

}  // namespace rf::test
