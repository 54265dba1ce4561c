// Which triangle each pixel shows.
#include "engine/ops/rasterize.hpp"
#include "tests/ops/raster_meshes.hpp"

namespace rf::test {

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

}  // namespace rf::test
