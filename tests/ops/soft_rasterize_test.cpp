#include "engine/ops/soft_rasterize.hpp"

#include <numeric>

#include "tests/ops/soft_pictures.hpp"

namespace rf::test {

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The header's equations without its shortcuts: barycentrics from areas in the picture, corrected
// for perspective after, and sums without a largest exponent.
std::vector<double> definition(const double* clip, const Tensor& triangles, const double* a,
                               Index channels, const SoftRasterizeParams& params, Point p) {
  double uncovered = 1, total = 1;
  std::vector<double> y(static_cast<std::size_t>(channels + 1));
  for (std::size_t c = 0; c < params.background.size(); ++c) y[c] = params.background[c];
  for (Index t = 0; t < triangles.shape()[0]; ++t) {
    const Index* corner = triangles.data<Index>() + 3 * t;
    Point s[3];
    double w[3];
    for (int i = 0; i < 3; ++i) {
      s[i] = on_screen(clip + 4 * corner[i]);
      w[i] = clip[4 * corner[i] + 3];
    }
    const double d = std::min({to_segment(s[0], s[1], p).first, to_segment(s[1], s[2], p).first,
                               to_segment(s[2], s[0], p).first});
    const double whole = area(s[0], s[1], s[2]), d2 = d * d / params.sigma;
    const double coverage = sigmoid(inside(s[0], s[1], s[2], p) > 0 ? d2 : -d2);
    if (coverage < params.cutoff) continue;
    uncovered *= 1 - coverage;
    double b[3], sum = 0, depth = 0;
    for (int i = 0; i < 3; ++i) {
      b[i] = std::max(area(s[(i + 1) % 3], s[(i + 2) % 3], p) / whole, 0.0) / w[i];
      sum += b[i];
    }
    for (int i = 0; i < 3; ++i) depth += b[i] / sum * w[i];
    const double nearness = (1 / depth - 1 / params.far) / (1 / params.near - 1 / params.far),
                 weight = coverage * std::exp(std::clamp(nearness, 0.0, 1.0) / params.gamma);
    total += weight;
    for (Index c = 0; c < channels; ++c) {
      for (int i = 0; i < 3; ++i)
        y[static_cast<std::size_t>(c)] += weight * b[i] / sum * a[channels * corner[i] + c];
    }
  }
  for (double& v : y) v /= total;
  y.back() = 1 - uncovered;
  return y;
}

}  // namespace

TEST_CASE("soft_rasterize: half of a square, by hand", "[soft_rasterize][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor clip = clip_of({{{0, 0}, 0, 1}, {{8, 0}, 0, 1}, {{0, 8}, 0, 1}}, dtype),
                 triangles = triangles_of({0, 1, 2}),
                 attributes = tensor({1, 3, 1}, {0, 16, 32}, dtype);
    const Tensor y = soft_rasterize(clip, triangles, attributes,
                                    {.height = 12,
                                     .width = 12,
                                     .near = 0.5,
                                     .far = 2,
                                     .sigma = 2,
                                     .gamma = 0.5,
                                     .background = {100}})
                         .to(DType::f64);
    REQUIRE(y.shape() == Shape{1, 12, 12, 2});
    const auto check = [&](Index row, Index column, double coverage, double attribute) {
      CAPTURE(row, column);
      const double* at = y.data<double>() + 2 * (row * 12 + column);
      CHECK(at[1] == Approx(coverage).epsilon(tolerance(dtype)));
      // w = 1 is a third of the way from 1 / far = 1/2 to 1 / near = 2.
      const double weight = coverage * std::exp(2.0 / 3);
      CHECK(at[0] == Approx((weight * attribute + 100) / (weight + 1)).epsilon(tolerance(dtype)));
    };
    check(0, 0, sigmoid(0.125), 3);                    // 0.5 from two edges
    check(1, 2, sigmoid(1.5 * 1.5 / 2), 11);           // (2.5, 1.5): weights 1/2, 5/16, 3/16
    check(4, 4, sigmoid(-0.25), 24);                   // across the diagonal by sqrt(1/2)
    check(0, 9, sigmoid(-1.25), 16 * 9.5 / 10 + 1.6);  // nearest is the corner (8, 0)
    // Of (11.5, 11.5) nothing is known: D would be 1 / (1 + e^28).
    const double* far = y.data<double>() + 2 * (11 * 12 + 11);
    CHECK(far[0] == Approx(100));
    CHECK(far[1] == 0);
  }
}

TEST_CASE("soft_rasterize: agrees with its definition, written down another way",
          "[soft_rasterize][property]") {
  constexpr Index kSize = 19, kChannels = 2;
  const Mesh mesh = grid(4, kSize, 2, 2, 3);
  const Index vertices = mesh.clip.shape()[1];
  const Tensor attributes = random_tensor({2, vertices, kChannels}, 4, DType::f64);
  for (const auto& [sigma, gamma, near] :
       {std::tuple{1.0, 0.3, 0.5}, {0.1, 0.02, 0.5}, {20.0, 1.0, 1.6}}) {
    CAPTURE(sigma, gamma);
    SoftRasterizeParams params = soft_params(kSize);
    params.sigma = sigma, params.gamma = gamma, params.near = near;  // 1.6: some n are clamped
    params.background = {0.5, -3};
    const Tensor y = soft_rasterize(mesh.clip, mesh.triangles, attributes, params);
    double worst = 0;
    Index shown = 0;
    for (Index n = 0; n < 2; ++n) {
      for (Index q = 0; q < kSize * kSize; ++q) {
        const std::vector<double> expected = definition(
            mesh.clip.data<double>() + n * vertices * 4, mesh.triangles,
            attributes.data<double>() + n * vertices * kChannels, kChannels, params,
            {static_cast<double>(q % kSize) + 0.5, static_cast<double>(q / kSize) + 0.5});
        const double* got = y.data<double>() + (n * kSize * kSize + q) * (kChannels + 1);
        for (std::size_t c = 0; c < expected.size(); ++c)
          worst = std::max(worst, std::abs(got[c] - expected[c]));
        shown += got[kChannels] > 0.5 ? 1 : 0;
      }
    }
    CHECK(worst < 1e-9);
    CHECK(shown > kSize * kSize);
  }
}

TEST_CASE("soft_rasterize: with sigma and gamma near 0 it shows what rasterize shows",
          "[soft_rasterize][property]") {
  constexpr Index kSize = 32;
  Mesh mesh = grid(3, 24, 1, 3, 5);
  double* clip = mesh.clip.data<double>();
  for (Index v = 0; v < mesh.clip.shape()[1]; ++v) clip[4 * v + 2] = -1;  // as project() does
  const Tensor attributes = random_tensor({1, mesh.clip.shape()[1], 1}, 6, DType::f64);
  SoftRasterizeParams params = soft_params(kSize);
  params.sigma = 1e-6, params.gamma = 1e-8, params.background = {7};
  const Tensor soft = soft_rasterize(mesh.clip, mesh.triangles, attributes, params);
  const Raster raster = rasterize(mesh.clip, mesh.triangles, {.height = kSize, .width = kSize});
  const Tensor hard = interpolate_mesh(raster, mesh.triangles, attributes);
  double worst = 0;
  Index shown = 0, empty = 0;
  for (Index q = 0; q < kSize * kSize; ++q) {
    const Point p{static_cast<double>(q % kSize) + 0.5, static_cast<double>(q / kSize) + 0.5};
    bool near_edge = false;
    for (Index t = 0; t < mesh.triangles.shape()[0]; ++t) {
      const Index* corner = mesh.triangles.data<Index>() + 3 * t;
      const Point a = on_screen(clip + 4 * corner[0]), b = on_screen(clip + 4 * corner[1]),
                  c = on_screen(clip + 4 * corner[2]);
      near_edge = near_edge || std::abs(inside(a, b, c, p)) < 0.01;
    }
    if (near_edge) continue;
    const bool covers = raster.triangle.data<Index>()[q] >= 0;
    ++(covers ? shown : empty);
    worst = std::max(worst, std::abs(soft.data<double>()[2 * q + 1] - (covers ? 1 : 0)));
    const double expected = covers ? hard.data<double>()[q] : 7;
    worst = std::max(worst, std::abs(soft.data<double>()[2 * q] - expected));
  }
  CHECK(worst < 1e-9);
  CHECK(shown > 200);
  CHECK(empty > 100);
}

TEST_CASE("soft_rasterize: neither the order of triangles nor that of corners matters",
          "[soft_rasterize][property]") {
  constexpr Index kSize = 20;
  const Mesh mesh = grid(4, kSize, 1, 2, 7);
  const Tensor attributes = random_tensor({1, mesh.clip.shape()[1], 3}, 8, DType::f64);
  const Index count = mesh.triangles.shape()[0];
  Tensor other = mesh.triangles.clone();
  for (Index t = 0; t < count; ++t) {
    for (Index i = 0; i < 3; ++i) {  // backwards, and each seen from behind
      other.data<Index>()[3 * t + i] =
          mesh.triangles.data<Index>()[3 * (count - 1 - t) + (2 - i + t) % 3];
    }
  }
  const SoftRasterizeParams params = soft_params(kSize);
  const Tensor y = soft_rasterize(mesh.clip, mesh.triangles, attributes, params);
  CHECK(relative_error(soft_rasterize(mesh.clip, other, attributes, params), y) < 1e-12);
  CHECK(all_finite(y));
}

TEST_CASE("soft_rasterize: the silhouette jumps by no more than the cutoff",
          "[soft_rasterize][property]") {
  const Tensor triangles = triangles_of({0, 1, 2}), attributes = Tensor::zeros({1, 3, 0});
  double before = -1, steepest = 0, last = 0;
  for (int step = 0; step <= 4000; ++step) {
    const double x = 0.001 * step - 4;  // the right edge, from the left towards column 0
    const Tensor clip = clip_of({{{x, -50}, 0, 1}, {{x, 50}, 0, 1}, {{x - 50, 0}, 0, 1}});
    last = soft_rasterize(clip, triangles, attributes.to(DType::f64),
                          {.height = 1, .width = 1, .near = 0.5, .far = 2})
               .data<double>()[0];
    if (before >= 0) steepest = std::max(steepest, last - before);
    if (before == 0 && last > 0) CHECK(last == Approx(1e-4).epsilon(0.02));
    CHECK(last >= before);
    before = last;
  }
  CHECK(last == Approx(sigmoid(-0.25)).epsilon(1e-3));
  CHECK(steepest < 4.5e-4);  // at most 0.4 a pixel elsewhere
}

TEST_CASE("soft_rasterize: vertices of any size give numbers, those between background and mesh",
          "[soft_rasterize][property]") {
  Random random(17, RandomPurpose::test);
  const Tensor triangles = triangles_of({0, 1, 2, 1, 2, 3, 0, 3, 2}),
               attributes = tensor({1, 4, 1}, {0, 1, 1, 0}, DType::f64);
  Index shown = 0;
  for (int round = 0; round < 500; ++round) {
    CAPTURE(round);
    const double range = static_cast<double>(random.uniform(1, 62));
    Tensor clip = Tensor::empty({1, 4, 4}, DType::f64);
    for (Index i = 0; i < 16; ++i) {
      const auto power = static_cast<double>(random.uniform(-0.5F, 1)) * range;
      const double sign = i % 4 != 3 && random.below(2) == 0 ? -1 : 1;
      clip.data<double>()[i] = sign * std::pow(10.0, power);
    }
    SoftRasterizeParams params = soft_params(5);
    params.sigma = std::pow(10.0, static_cast<double>(random.uniform(-12, 12)));
    params.gamma = std::pow(10.0, static_cast<double>(random.uniform(-12, 12)));
    params.cutoff = random.below(2) == 0 ? 1e-300 : 1e-4;
    params.background = {0.5};
    const Tensor y = soft_rasterize(clip, triangles, attributes, params);
    double lowest = 0, highest = 1;
    for (const double v : y.span<double>()) {
      CHECK(std::isfinite(v));
      lowest = std::min(lowest, v), highest = std::max(highest, v);
      shown += v > 0.9 ? 1 : 0;
    }
    CHECK(lowest == 0);
    CHECK(highest <= 1 + 1e-15);
  }
  CHECK(shown > 1000);
}

}  // namespace rf::test
