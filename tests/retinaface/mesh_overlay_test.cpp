#include "retinaface/dense/mesh_overlay.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/check.hpp"
#include "retinaface/dense/picture_points.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using TriangleList = std::vector<std::array<Index, 3>>;

const TriangleList kSquare{{0, 1, 2}, {0, 2, 3}}, kReversed{{0, 2, 1}, {0, 3, 2}};

// A square from -1 to 1 at this height over the plane z = 0, whose right edge lies `tilt` higher.
std::vector<float> square_mesh(float z = 0, float tilt = 0) {
  std::vector<float> rows;
  for (const auto& [x, y] : std::vector<std::array<float, 2>>{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}})
    for (const float number : {x, y, z + (x > 0 ? tilt : 0), 0.5F, 0.5F, 0.5F})
      rows.push_back(number);
  return rows;
}

// The mesh as this square of a picture shows it, from `depth` away with a focal length of 4.
DenseFace seen(const std::vector<float>& mesh, const SquareCrop& square, float depth = 10) {
  const auto vertices = static_cast<Index>(mesh.size() / 6);
  DenseFace face{.square = square,
                 .code = {},
                 .camera = tensor({7}, {0, 0, static_cast<double>(depth), 0, 0, 0, 4}),
                 .light = DenseHead::usual_light(),
                 .mesh = Tensor::from({vertices, 6}, std::span<const float>(mesh)),
                 .points = {}};
  face.points = picture_points(face.mesh, face.camera, square);
  return face;
}

Image plain(Index width, Index height) {
  Image image{.width = width, .height = height, .rgb = {}};
  const std::array<std::uint8_t, 3> colour{200, 100, 40};
  for (Index i = 0; i < width * height; ++i)
    image.rgb.insert(image.rgb.end(), colour.begin(), colour.end());
  return image;
}

// A picture in which each pixel has a value of its own.
Image coloured(Index width, Index height) {
  Image image = plain(width, height);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<std::uint8_t>(i * 37 % 251);
  return image;
}

struct Pixel {
  int r, g, b;
  bool operator==(const Pixel&) const = default;
};
Pixel pixel(const Image& image, Index x, Index y) {
  const std::uint8_t* p = image.rgb.data() + 3 * (y * image.width + x);
  return {p[0], p[1], p[2]};
}

// But for a rounding.
bool near(const Pixel& a, const Pixel& b) {
  return std::max({std::abs(a.r - b.r), std::abs(a.g - b.g), std::abs(a.b - b.b)}) <= 1;
}

Image drawn(const Image& picture, const std::vector<DenseFace>& faces,
            const OverlayOptions& options = {}, const TriangleList& triangles = kSquare) {
  return MeshOverlay(faces.at(0).mesh.shape()[0], triangles)(picture, faces, options);
}

}  // namespace

TEST_CASE("mesh overlay: a square covers the pixels that the camera says", "[mesh_overlay]") {
  // 0.4 widths to each side of the middle of a square of 40 pixels at (10, 20).
  const Image picture = coloured(64, 64);
  const std::vector<DenseFace> faces{seen(square_mesh(), {10, 20, 40})};
  const Image solid = drawn(picture, faces, {.alpha = 1, .lines = 0}),
              glass = drawn(picture, faces, {.alpha = 0.6, .lines = 0});
  const Pixel surface = pixel(solid, 30, 40);
  CHECK(surface.b > surface.g);
  CHECK(surface.g > surface.r);
  for (Index y = 0; y < 64; ++y) {
    for (Index x = 0; x < 64; ++x) {
      CAPTURE(x, y);
      const bool inside = x >= 14 && x < 46 && y >= 24 && y < 56;
      const Pixel before = pixel(picture, x, y), after = pixel(glass, x, y);
      REQUIRE(pixel(solid, x, y) == (inside ? surface : before));
      if (!inside) REQUIRE(after == before);
      if (inside) REQUIRE(std::abs(after.g - (0.4 * before.g + 0.6 * surface.g)) <= 1.01);
    }
  }
  CHECK(drawn(picture, faces, {.alpha = 0}).rgb == picture.rgb);
}

TEST_CASE("mesh overlay: outlines are smooth, edges are drawn where there is room",
          "[mesh_overlay]") {
  const Image picture = plain(64, 64);
  // Half a pixel to the right: the first and the last column are covered by half.
  const Image moved = drawn(picture, {seen(square_mesh(), {10.5, 20, 40})}, {.lines = 0});
  const double whole = pixel(moved, 30, 40).b - 40, part = pixel(moved, 14, 40).b - 40;
  CHECK(whole > 50);
  CHECK(part == Approx(whole / 2).margin(1));
  CHECK(pixel(moved, 46, 40) == pixel(moved, 14, 40));
  const Image lines = drawn(picture, {seen(square_mesh(), {10, 20, 40})}, {.lines = 1});
  CHECK(pixel(lines, 30, 40).r > pixel(lines, 20, 45).r + 10);  // on the diagonal, beside it
}

TEST_CASE("mesh overlay: insides, hidden parts and what is behind the camera are not drawn",
          "[mesh_overlay]") {
  const Image picture = coloured(64, 64);
  const SquareCrop square{10, 20, 40};
  CHECK(drawn(picture, {seen(square_mesh(), square)}, {}, kReversed).rgb == picture.rgb);
  CHECK(drawn(picture, {seen(square_mesh(), square, -10)}).rgb == picture.rgb);
  CHECK(drawn(picture, {seen(square_mesh(), square, 0)}).rgb == picture.rgb);

  // A tilted square behind a level one, in either order.
  TriangleList both = kSquare;
  for (const auto& t : kSquare) both.push_back({t[0] + 4, t[1] + 4, t[2] + 4});
  const std::vector<float> level = square_mesh(), tilted = square_mesh(-3, 1);
  std::vector<float> first = level, last = tilted;
  first.insert(first.end(), tilted.begin(), tilted.end());
  last.insert(last.end(), level.begin(), level.end());
  const OverlayOptions options{.lines = 0};
  const Image alone = drawn(picture, {seen(level, square)}, options);
  CHECK(drawn(picture, {seen(tilted, square)}, options).rgb != alone.rgb);
  CHECK(drawn(picture, {seen(first, square)}, options, both).rgb == alone.rgb);
  CHECK(drawn(picture, {seen(last, square)}, options, both).rgb == alone.rgb);
}

TEST_CASE("mesh overlay: of two faces the one in the larger square is in front", "[mesh_overlay]") {
  const Image picture = coloured(96, 64);
  const DenseFace large = seen(square_mesh(), {10, 10, 50}),
                  small = seen(square_mesh(0, 1), {30, 16, 40});
  const Image there = drawn(picture, {large, small}), back = drawn(picture, {small, large});
  CHECK(there.rgb == back.rgb);
  const Image alone = drawn(picture, {large});
  for (const Index x : {16, 30, 45, 54}) CHECK(pixel(there, x, 35) == pixel(alone, x, 35));
  CHECK(pixel(there, 62, 35) != pixel(alone, 62, 35));
}

TEST_CASE("mesh overlay: what reaches outside is cut off, wherever it is", "[mesh_overlay]") {
  // No outline through the very middle of a sample, where a rounding decides.
  const Image whole = drawn(plain(200, 200), {seen(square_mesh(0, 0.73F), {80, 90, 60})});
  for (const auto& [left, top] : std::vector<std::array<Index, 2>>{{100, 100}, {60, 60}, {0, 0}}) {
    CAPTURE(left, top);
    const Image part =
        drawn(plain(60, 50), {seen(square_mesh(0, 0.73F), {80. - static_cast<double>(left),
                                                           90. - static_cast<double>(top), 60})});
    for (Index y = 0; y < 50; ++y) {
      for (Index x = 0; x < 60; ++x)
        REQUIRE(near(pixel(part, x, y), pixel(whole, left + x, top + y)));
    }
  }
  const Image picture = coloured(40, 30);
  CHECK(drawn(picture, {seen(square_mesh(), {1e6, -1e6, 60})}).rgb == picture.rgb);
  // One that is far larger than the picture.
  const Image covered =
      drawn(picture, {seen(square_mesh(), {-1e5, -1e5, 2e5})}, {.alpha = 1, .lines = 0});
  CHECK(pixel(covered, 0, 0) == pixel(covered, 39, 29));
  CHECK(pixel(covered, 0, 0) != pixel(picture, 0, 0));
}

TEST_CASE("mesh overlay: a large face has no seams, and any number of threads draws it",
          "[mesh_overlay]") {
  const Image large =
      drawn(plain(1200, 900), {seen(square_mesh(), {100, 0, 900})}, {.alpha = 1, .lines = 0});
  for (Index y = 95; y < 805; ++y) REQUIRE(pixel(large, 500, y) == pixel(large, 500, 100));

  const FaceModel model = procedural_head();
  const Tensor head =
      make_faces(model, {.identity = Tensor::zeros({1, model.identity.shape()[0]}),
                         .expression = Tensor::zeros({1, model.expression.shape()[0]}),
                         .albedo = Tensor::zeros({1, model.albedo_modes.shape()[0]})});
  const std::span<const float> rows = head.span<float>();
  const std::vector<DenseFace> faces{seen({rows.begin(), rows.end()}, {20.25, 10.5, 600}, 90),
                                     seen({rows.begin(), rows.end()}, {500, 300, 90}, 90)};
  const TriangleList& triangles = model.levels.back().triangles;
  const Image picture = coloured(640, 480);
  const Image once = drawn(picture, faces, {}, triangles);
  CHECK(once.rgb != picture.rgb);
  for (const int threads : {1, 2, 3, 8}) {
    CAPTURE(threads);
    const WithThreads limit(threads);
    CHECK(drawn(picture, faces, {}, triangles).rgb == once.rgb);
  }
}

TEST_CASE("mesh overlay: refuses what it cannot draw", "[mesh_overlay]") {
  const Image picture = plain(20, 20);
  const DenseFace face = seen(square_mesh(), {0, 0, 20});
  const MeshOverlay overlay(4, kSquare);
  CHECK_THROWS_AS(overlay(picture, std::vector{face}, {.alpha = 1.5}), UsageError);
  CHECK_THROWS_AS(overlay(picture, std::vector{face}, {.lines = std::nan("")}), UsageError);
  CHECK_THROWS_AS(MeshOverlay(3, kSquare), ShapeError);
  CHECK_THROWS_WITH(MeshOverlay(5, kSquare)(picture, std::vector{face}),
                    Catch::Contains("[4, 6]") && Catch::Contains("[5, 6]"));
  for (Tensor DenseFace::*part : {&DenseFace::mesh, &DenseFace::points, &DenseFace::camera}) {
    DenseFace broken = face;
    broken.*part = (face.*part).clone();
    (broken.*part).data<float>()[2] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(overlay(picture, std::vector{broken}), ShapeError);
  }
  CHECK(overlay(picture, {}).rgb == picture.rgb);
}

}  // namespace rf::test
