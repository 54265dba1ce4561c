#include "engine/ops/rasterize.hpp"

#include "tests/ops/raster_meshes.hpp"

namespace rf::test {

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
