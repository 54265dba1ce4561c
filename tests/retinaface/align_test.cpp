#include "retinaface/align.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numbers>

#include "engine/check.hpp"
#include "tests/support.hpp"

using rf::Face;
using rf::Image;
using rf::Index;
using rf::Point;
using rf::Similarity;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Colours that tell every pixel of up to 256 x 256 from every other.
Image coordinates(Index width, Index height) {
  Image image{width, height, {}};
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      image.rgb.insert(image.rgb.end(),
                       {static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y), 5});
    }
  }
  return image;
}

std::vector<int> pixel(const Image& image, Index x, Index y) {
  const auto at = static_cast<std::size_t>(3 * (y * image.width + x));
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

Point apply(const Similarity& s, Point p) {
  const double x = static_cast<double>(p.x), y = static_cast<double>(p.y);
  return {static_cast<float>(s.a * x - s.b * y + s.tx),
          static_cast<float>(s.b * x + s.a * y + s.ty)};
}

Face face_with(const std::array<Point, 5>& landmarks) { return {0, 0, 1, 1, 1, landmarks}; }

}  // namespace

TEST_CASE("align: the template is ArcFace's, scaled with the crop", "[align]") {
  const auto at_112 = rf::landmark_template(112), at_224 = rf::landmark_template(224);
  CHECK(double(at_112[0].x) == Approx(38.2946));
  CHECK(double(at_112[4].y) == Approx(92.2041));
  CHECK(double(at_224[2].x) == Approx(2 * 56.0252));
}

TEST_CASE("align: a known turn, scale and shift is undone to a hundredth of a pixel",
          "[align][golden]") {
  const auto wanted = rf::landmark_template(112);
  for (const double degrees : {0.0, 30.0, -75.0, 180.0}) {
    for (const double scale : {0.2, 1.0, 7.5}) {
      const double angle = degrees * std::numbers::pi / 180;
      const Similarity known{scale * std::cos(angle), scale * std::sin(angle), 300, -40};
      std::array<Point, 5> landmarks{};
      for (std::size_t i = 0; i < 5; ++i) landmarks[i] = apply(known, wanted[i]);
      const Similarity found = rf::fit_similarity(landmarks, wanted);
      for (std::size_t i = 0; i < 5; ++i) {
        CAPTURE(degrees, scale, i);
        CHECK(std::hypot(double(apply(found, landmarks[i]).x - wanted[i].x),
                         double(apply(found, landmarks[i]).y - wanted[i].y)) < 0.01);
      }
    }
  }
}

TEST_CASE("align: what no similarity can do is spread evenly, and nothing is mirrored",
          "[align][golden]") {
  // A square and its centre stretched by two along x: the best similarity has scale 1.5 / 2.5 = sum
  // conj(p) q / sum |p|^2 with p = (+-2, +-1), q = (+-1, +-1): (2 + 1) / (4 + 1).
  const std::array<Point, 5> from{{{-2, -1}, {2, -1}, {0, 0}, {-2, 1}, {2, 1}}};
  const std::array<Point, 5> to{{{-1, -1}, {1, -1}, {0, 0}, {-1, 1}, {1, 1}}};
  const Similarity found = rf::fit_similarity(from, to);
  CHECK(found.a == Approx(0.6));
  CHECK(found.b == Approx(0).margin(1e-12));
  // Mirrored landmarks cannot be met: the eyes stay on the side that a turn can reach.
  const std::array<Point, 5> mirrored{{{1, -1}, {-1, -1}, {0, 0}, {1, 1}, {-1, 1}}};
  CHECK_THROWS_AS(rf::fit_similarity(mirrored, to),
                  rf::ShapeError);  // every scale but 0 makes it worse
}

TEST_CASE("align: landmarks on the template cut out the very pixels", "[align]") {
  const Image image = coordinates(112, 112);
  const Image crop = rf::align_face(image, face_with(rf::landmark_template(112)), 112);
  CHECK(crop.width == 112);
  CHECK(crop.rgb == image.rgb);
  // Shifted by whole pixels: the shifted pixels, black outside.
  auto landmarks = rf::landmark_template(112);
  for (Point& p : landmarks) p = {p.x + 20, p.y - 7};
  const Image shifted = rf::align_face(image, face_with(landmarks), 112);
  CHECK(pixel(shifted, 0, 7) == std::vector<int>{20, 0, 5});
  CHECK(pixel(shifted, 91, 111) == std::vector<int>{111, 104, 5});
  CHECK(pixel(shifted, 0, 6) == std::vector<int>{0, 0, 0});
  CHECK(pixel(shifted, 92, 50) == std::vector<int>{0, 0, 0});
}

TEST_CASE("align: a face on its side is set upright", "[align]") {
  // Turned by 90 degrees clockwise: template point (x, y) lies at (112 - y, x) of the picture, so
  // crop pixel (x, y) is picture pixel (111 - y, x).
  auto landmarks = rf::landmark_template(112);
  for (Point& p : landmarks) p = {112 - p.y, p.x};
  const Image crop = rf::align_face(coordinates(112, 112), face_with(landmarks), 112);
  for (const auto& [x, y] : {std::pair<Index, Index>{0, 0}, {111, 0}, {40, 90}, {111, 111}}) {
    CHECK(pixel(crop, x, y) == std::vector<int>{static_cast<int>(111 - y), static_cast<int>(x), 5});
  }
}

TEST_CASE("align: shrinking takes the mean, it does not pick pixels", "[align]") {
  // Columns 0 200 0 200 ..., the face five times the crop's size: a pixel is the mean of five
  // columns, three of one kind and two of the other. Picking the middle column would give 0 or 200.
  Image stripes{560, 560, {}};
  for (Index i = 0; i < 560 * 560; ++i)
    stripes.rgb.insert(stripes.rgb.end(), 3, i % 2 == 0 ? 0 : 200);
  const Image crop = rf::align_face(stripes, face_with(rf::landmark_template(560)), 112);
  for (Index x = 0; x < 112; ++x) {
    CHECK(std::abs(pixel(crop, x, 50)[0] - (x % 2 == 0 ? 80 : 120)) <= 1);
  }
}

TEST_CASE("align: the same bytes for any number of threads", "[align]") {
  const Image image = coordinates(200, 150);
  const Face face = face_with({{{50, 60}, {90, 50}, {75, 80}, {60, 100}, {100, 95}}});
  const auto on = [&](int threads) {
    const rf::test::WithThreads limit(threads);
    return rf::align_face(image, face, 112).rgb;
  };
  CHECK(on(3) == on(1));
}

TEST_CASE("align: refuses landmarks without a direction, empty pictures and absurd sizes",
          "[align][error]") {
  const Image image = coordinates(20, 20);
  std::array<Point, 5> same{};
  same.fill({7, 7});
  CHECK_THROWS_WITH(rf::align_face(image, face_with(same), 112),
                    Catch::Contains("7,7") && Catch::Contains("one point"));
  auto broken = rf::landmark_template(112);
  broken[3].y = kNan;
  CHECK_THROWS_AS(rf::align_face(image, face_with(broken), 112), rf::ShapeError);
  broken[3].y = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(rf::align_face(image, face_with(broken), 112), rf::ShapeError);
  for (const Index size : {0, -1, 4097}) {
    CHECK_THROWS_AS(rf::align_face(image, face_with(rf::landmark_template(112)), size),
                    rf::ShapeError);
  }
  CHECK_THROWS_AS(rf::align_face(Image{}, face_with(rf::landmark_template(112)), 112),
                  rf::ShapeError);
}

TEST_CASE("align: landmarks far outside the picture give a black crop", "[align][error]") {
  auto landmarks = rf::landmark_template(112);
  for (Point& p : landmarks) p = {p.x * 1e6F - 1e9F, p.y * 1e6F};
  const Image crop = rf::align_face(coordinates(20, 20), face_with(landmarks), 16);
  CHECK(crop.rgb == std::vector<std::uint8_t>(3 * 16 * 16, 0));
}

TEST_CASE("crop: every pixel that the box touches, widened by the margin, cut to the picture",
          "[align][golden]") {
  const Image image = coordinates(100, 80);
  const Image plain = rf::crop_face(image, {10.2F, 20, 19.9F, 30, 1, {}}, 0);
  CHECK(plain.width == 10);
  CHECK(plain.height == 10);
  CHECK(pixel(plain, 0, 0) == std::vector<int>{10, 20, 5});
  CHECK(pixel(plain, 9, 9) == std::vector<int>{19, 29, 5});
  // 20 x 10 with a margin of a half: 10 pixels on the left and right, 5 above and below.
  const Image wide = rf::crop_face(image, {40, 40, 60, 50, 1, {}}, 0.5);
  CHECK(wide.width == 40);
  CHECK(wide.height == 20);
  CHECK(pixel(wide, 0, 0) == std::vector<int>{30, 35, 5});
  const Image corner = rf::crop_face(image, {-30, -5, 4, 3, 1, {}}, 0);
  CHECK(corner.width == 4);
  CHECK(corner.height == 3);
}

TEST_CASE("crop: at least one pixel whatever the box", "[align][error]") {
  const Image image = coordinates(10, 10);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK(pixel(rf::crop_face(image, {500, 500, 600, 600, 1, {}}, 0), 0, 0) ==
        std::vector<int>{9, 9, 5});
  CHECK(pixel(rf::crop_face(image, {-50, -50, -40, -40, 1, {}}, 0), 0, 0) ==
        std::vector<int>{0, 0, 5});
  for (const Face& face :
       {Face{8, 8, 2, 2, 1, {}}, Face{kNan, 1, 2, kNan, 1, {}}, Face{3, 3, 3, 3, 1, {}}}) {
    const Image crop = rf::crop_face(image, face, 0.2);
    CHECK(crop.width >= 1);
    CHECK(crop.height >= 1);
  }
  const Image all = rf::crop_face(image, {-kInfinity, -kInfinity, kInfinity, kInfinity, 1, {}}, 0);
  CHECK(all.rgb == image.rgb);
  CHECK_THROWS_AS(rf::crop_face(Image{}, Face{}, 0), rf::ShapeError);
}
