#include "retinaface/dense/portrait.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "engine/check.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

using Triangles = std::vector<std::array<Index, 3>>;

// A pyramid that points at the viewer: a green square and a red tip. As a face's nose.
const Triangles kPyramid{{0, 1, 4}, {1, 2, 4}, {2, 3, 4}, {3, 0, 4}};
Tensor pyramid(float scale = 1) {
  Tensor mesh = tensor<float>({5, 6}, {-1, -1, 0, 0,  1, 0, 1, -1, 0, 0, 1, 0, 1, 1, 0,
                                       0,  1,  0, -1, 1, 0, 0, 1,  0, 0, 0, 1, 1, 0, 0});
  for (Index v = 0; v < 5; ++v) {
    for (Index i = 0; i < 3; ++i) mesh.data<float>()[6 * v + i] *= scale;
  }
  return mesh;
}

constexpr PortraitView kPlain{.focal = 20, .ambient = 1, .size = 100, .samples = 2};

struct Pixel {
  int r, g, b;
  bool operator==(const Pixel&) const = default;
};
Pixel pixel(const Image& image, Index x, Index y) {
  const std::uint8_t* p = image.rgb.data() + 3 * (y * image.width + x);
  return {p[0], p[1], p[2]};
}

// Where the red is, in the mean, and the box of what is not background (white).
struct Found {
  double red_x = 0, red_y = 0;
  Index left = 1 << 20, right = -1, top = 1 << 20, bottom = -1;
};
Found look(const Image& image) {
  Found found;
  double sum = 0;
  for (Index y = 0; y < image.height; ++y) {
    for (Index x = 0; x < image.width; ++x) {
      const Pixel p = pixel(image, x, y);
      if (p == Pixel{255, 255, 255}) continue;
      found.left = std::min(found.left, x);
      found.right = std::max(found.right, x);
      found.top = std::min(found.top, y);
      found.bottom = std::max(found.bottom, y);
      if (p.r <= p.g) continue;
      sum += p.r;
      found.red_x += p.r * (static_cast<double>(x) + 0.5);
      found.red_y += p.r * (static_cast<double>(y) + 0.5);
    }
  }
  found.red_x /= sum;
  found.red_y /= sum;
  return found;
}

}  // namespace

TEST_CASE("portrait: a mesh fills the picture, in any unit", "[portrait]") {
  const Image image = portrait(pyramid(), kPyramid, kPlain);
  REQUIRE(image.width == 100);
  REQUIRE(image.height == 100);
  REQUIRE(image.rgb.size() == 30000);
  const Found found = look(image);
  CHECK(found.left == 3);  // 94 of 100 pixels
  CHECK(found.right == 96);
  CHECK(found.top == 3);
  CHECK(found.bottom == 96);
  CHECK(found.red_x == Approx(50).margin(0.1));
  CHECK(found.red_y == Approx(50).margin(0.1));
  CHECK(pixel(image, 0, 0) == Pixel{255, 255, 255});
  CHECK(pixel(image, 50, 50).r > 240);
  for (const float scale : {0x1p-120F, 0x1p-10F, 0x1p+120F})
    CHECK(portrait(pyramid(scale), kPyramid, kPlain).rgb == image.rgb);
}

TEST_CASE("portrait: turns go where they say", "[portrait]") {
  const auto turned = [](double yaw, double pitch, double roll) {
    PortraitView view = kPlain;
    view.yaw = yaw;
    view.pitch = pitch;
    view.roll = roll;
    return look(portrait(pyramid(), kPyramid, view));
  };
  CHECK(turned(40, 0, 0).red_x > 55);
  CHECK(turned(-40, 0, 0).red_x < 45);
  CHECK(turned(40, 0, 0).red_y == Approx(50).margin(0.5));
  CHECK(turned(0, 40, 0).red_y < 45);
  CHECK(turned(0, -40, 0).red_y > 55);
  CHECK(turned(40, 0, 90).red_y > 55);  // from the right clockwise to below
  CHECK(turned(40, 0, -90).red_y < 45);
  CHECK(turned(40, 0, 180).red_x < 45);
  const Found profile = turned(90, 0, 0);
  CHECK(profile.right - profile.left < 60);
  CHECK(profile.bottom - profile.top > 90);
}

TEST_CASE("portrait: the outer side is lit, from where the light is", "[portrait]") {
  const Tensor square = tensor<float>(
      {4, 6}, {-1, -1, 0, 1, 1, 1, 1, -1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, -1, 1, 0, 1, 1, 1});
  const Triangles towards{{0, 1, 2}, {0, 2, 3}}, away{{0, 2, 1}, {0, 3, 2}};
  PortraitView view = kPlain;
  view.ambient = 0.2;
  view.light = {0, 0, 1000};
  CHECK(pixel(portrait(square, towards, view), 50, 50) == Pixel{255, 255, 255});
  CHECK(pixel(portrait(square, away, view), 50, 50) == Pixel{51, 51, 51});
  view.light = {0, 0, -1000};
  CHECK(pixel(portrait(square, towards, view), 50, 50) == Pixel{51, 51, 51});
  view.light = {-1000, 0, 1000};  // at 45 degrees: 0.2 + 0.8 / sqrt(2)
  CHECK(std::abs(pixel(portrait(square, towards, view), 50, 50).r - 195) <= 1);
}

TEST_CASE("portrait: a border pixel is the mean of mesh and background", "[portrait]") {
  const Tensor square = tensor<float>(
      {4, 6}, {-1, -1, 0, 1, 0, 0, 1, -1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 0, -1, 1, 0, 1, 0, 0});
  PortraitView view = kPlain;
  view.size = 10;    // the square's left border is at 0.3: sample centres 0.1, 0.3, .. of five
  view.samples = 4;  // 0.125, 0.375, 0.625, 0.875: three of four
  view.background = {0, 0, 255};
  const Image image = portrait(square, Triangles{{0, 1, 2}, {0, 2, 3}}, view);
  CHECK(pixel(image, 0, 5) == Pixel{191, 0, 64});
  CHECK(pixel(image, 5, 5) == Pixel{255, 0, 0});
}

TEST_CASE("portrait: vertices of no triangle do not count", "[portrait]") {
  Tensor more = Tensor::zeros({6, 6});
  const Tensor mesh = pyramid();
  std::copy_n(mesh.data<float>(), 30, more.data<float>());
  more.data<float>()[30] = 1000;
  CHECK(portrait(more, kPyramid, kPlain).rgb == portrait(mesh, kPyramid, kPlain).rgb);
}

TEST_CASE("portrait: the same bytes for any number of threads", "[portrait]") {
  const Image image = portrait(pyramid(), kPyramid, {.yaw = 20, .size = 64});
  for (const int count : {1, 2, 5}) {
    const WithThreads threads(count);
    CHECK(portrait(pyramid(), kPyramid, {.yaw = 20, .size = 64}).rgb == image.rgb);
  }
}

TEST_CASE("portrait: refuses what it cannot draw, and says why", "[portrait][error]") {
  const auto refused = [](const Tensor& mesh, const Triangles& triangles, const PortraitView& view,
                          const char* text) {
    CHECK_THROWS_WITH(portrait(mesh, triangles, view), Catch::Contains(text));
  };
  refused(Tensor::zeros({5, 3}), kPyramid, kPlain, "must be f32 [V, 6]");
  refused(pyramid().to(DType::f64), kPyramid, kPlain, "f64");
  refused(pyramid(), {}, kPlain, "no triangle");
  refused(pyramid(0), kPyramid, kPlain, "in the same place");
  CHECK_THROWS_AS(portrait(pyramid(), Triangles{{0, 1, 5}}, kPlain), ShapeError);
  CHECK_THROWS_AS(portrait(pyramid(), Triangles{{0, 1, -1}}, kPlain), ShapeError);
  Tensor broken = pyramid();
  broken.data<float>()[8] = std::numeric_limits<float>::quiet_NaN();
  refused(broken, kPyramid, kPlain, "vertex 1 holds the number");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  refused(pyramid(), kPyramid, {.yaw = nan}, "yaw");
  refused(pyramid(), kPyramid, {.pitch = 181}, "pitch 181");
  refused(pyramid(), kPyramid, {.roll = -1e300}, "roll");
  refused(pyramid(), kPyramid, {.focal = 0}, "focal length 0");
  refused(pyramid(), kPyramid, {.light = {0, nan, 0}}, "light");
  refused(pyramid(), kPyramid, {.ambient = 1.5}, "ambient light 1.5");
  refused(pyramid(), kPyramid, {.size = 0}, "0 pixels");
  refused(pyramid(), kPyramid, {.size = 2048, .samples = 3}, "at most 4096");
  refused(pyramid(), kPyramid, {.size = 1, .samples = Index{1} << 62}, "at most 4096");
}

TEST_CASE("contact sheet: pictures row by row, the rest is background", "[portrait]") {
  const auto plain = [](std::uint8_t value, Index width = 2) {
    return Image{.width = width,
                 .height = 1,
                 .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width), value)};
  };
  const std::vector<Image> pictures{plain(1), plain(2), plain(3)};
  const Image sheet = contact_sheet(pictures, 2, {7, 8, 9});
  CHECK(sheet.width == 4);
  CHECK(sheet.height == 2);
  CHECK(sheet.rgb == std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2,  //
                                               3, 3, 3, 3, 3, 3, 7, 8, 9, 7, 8, 9});
  CHECK_THROWS_AS(contact_sheet({}, 2, {}), ShapeError);
  CHECK_THROWS_AS(contact_sheet(pictures, 0, {}), ShapeError);
  const std::vector<Image> unequal{plain(1), plain(2, 3)};
  CHECK_THROWS_AS(contact_sheet(unequal, 2, {}), ShapeError);
}

TEST_CASE("meshes become rows and rows meshes", "[portrait]") {
  const TriangleMesh grey{.vertices = {{1, 2, 3}}, .triangles = {}, .colours = {}};
  CHECK(relative_error(coloured_vertices(grey),
                       tensor<float>({1, 6}, {1, 2, 3, 0.7F, 0.7F, 0.7F})) == 0);
  const TriangleMesh mesh = as_triangle_mesh(pyramid(), kPyramid);
  CHECK(mesh.vertices[4] == std::array<double, 3>{0, 0, 1});
  CHECK(mesh.colours[4] == std::array<double, 3>{1, 0, 0});
  CHECK(mesh.triangles == kPyramid);
  CHECK(relative_error(coloured_vertices(mesh), pyramid()) == 0);
  CHECK_THROWS_AS(as_triangle_mesh(Tensor::zeros({3, 3}), kPyramid), ShapeError);
}

}  // namespace rf::test
