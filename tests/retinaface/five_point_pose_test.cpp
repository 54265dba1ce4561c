#include "retinaface/dense/five_point_pose.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "engine/random.hpp"
#include "retinaface/dense/dense_branch.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// The neutral face's five places.
const FivePlaces& mesh() {
  static const FivePlaces places = [] {
    const FaceModel model = procedural_head();
    return five_places(model.neutral, model.landmarks5);
  }();
  return places;
}

struct View {
  std::array<double, 3> g, location;
  double focal;
};

// Where a camera of layers/mesh_camera.hpp sees the five places, in pixels of the picture: the
// equations again, in double, with the rotation as a matrix.
std::array<Point, 5> seen(const View& view, const SquareCrop& square) {
  const auto [a, b, c] = view.g;
  const double s = 1 + a * a + b * b + c * c;
  std::array<Point, 5> points{};
  for (std::size_t k = 0; k < 5; ++k) {
    const double x = mesh()[k][0], y = -mesh()[k][1], z = -mesh()[k][2];
    const double p =
        ((1 + a * a - b * b - c * c) * x + 2 * (a * b - c) * y + 2 * (a * c + b) * z) / s +
        view.location[0];
    const double q =
        ((1 - a * a + b * b - c * c) * y + 2 * (a * b + c) * x + 2 * (b * c - a) * z) / s +
        view.location[1];
    const double r =
        ((1 - a * a - b * b + c * c) * z + 2 * (a * c - b) * x + 2 * (b * c + a) * y) / s +
        view.location[2];
    points[k] = {static_cast<float>(square.x + square.side * (view.focal * p / r + 0.5)),
                 static_cast<float>(square.y + square.side * (view.focal * q / r + 0.5))};
  }
  return points;
}

View view_of(const Tensor& camera) {
  const auto at = [&](Index i) { return static_cast<double>(camera.data<float>()[i]); };
  return {{at(3), at(4), at(5)}, {at(0), at(1), at(2)}, at(6)};
}

// The largest distance of two fives in widths of the square.
double distance(const std::array<Point, 5>& a, const std::array<Point, 5>& b, double side) {
  double most = 0;
  for (std::size_t k = 0; k < 5; ++k)
    most = std::max(most, std::hypot(static_cast<double>(a[k].x) - static_cast<double>(b[k].x),
                                     static_cast<double>(a[k].y) - static_cast<double>(b[k].y)));
  return most / side;
}

constexpr SquareCrop kSquare{.x = 31.5, .y = -12, .side = 200};

// A random view of a face that is `angle` degrees from facing the camera, about any axis.
View random_view(Random& random, double angle, double focal) {
  View view{.g = {}, .location = {}, .focal = focal};
  double length = 0;
  for (double& x : view.g) {
    x = static_cast<double>(random.normal());
    length += x * x;
  }
  for (double& x : view.g) x *= std::tan(angle * std::numbers::pi / 360) / std::sqrt(length);
  const auto between = [&](float low, float high) {
    return static_cast<double>(random.uniform(low, high));
  };
  const double size = between(16, 40);  // of the square at the face's origin
  view.location = {between(-0.2F, 0.2F) * size, between(-0.2F, 0.2F) * size, focal * size};
  return view;
}

std::array<Point, 5> all_at(float x, float y) {
  std::array<Point, 5> points{};
  points.fill({x, y});
  return points;
}

bool finite(const Tensor& camera) {
  return std::ranges::all_of(camera.span<float>(), [](float x) { return std::isfinite(x); });
}

}  // namespace

// The penalty on turns leaves points off by up to 6 ten-thousandths of the square, 0.04 pixels of
// 64; a face that looks into the camera is exact.
TEST_CASE("five point pose: cameras up to 60 degrees away are found again", "[five_point_pose]") {
  for (const double angle : {0.0, 10.0, 30.0, 60.0}) {
    for (std::uint32_t i = 0; i < 60; ++i) {
      Random random(1, RandomPurpose::test, 0, i);
      const View view = random_view(random, angle, i % 2 == 0 ? kUsualFocal : 2.5);
      CAPTURE(angle, i, view.g[0], view.g[1], view.g[2]);
      const std::array<Point, 5> points = seen(view, kSquare);
      const Tensor camera = five_point_camera(mesh(), points, kSquare, view.focal);
      REQUIRE(camera.shape() == Shape{7});
      const View found = view_of(camera);
      CHECK(found.focal == view.focal);
      CHECK(distance(seen(found, kSquare), points, kSquare.side) < (angle > 0 ? 1e-3 : 1e-5));
      for (std::size_t k = 0; k < 3; ++k) {
        CHECK(std::abs(found.g[k] - view.g[k]) < (angle > 0 ? 0.01 : 1e-5));
        CHECK(std::abs(found.location[k] - view.location[k]) < 0.01 * view.location[2]);
      }
    }
  }
}

TEST_CASE("five point pose: a mirrored face has the mirrored pose", "[five_point_pose]") {
  for (std::size_t k = 0; k < 5; ++k) {  // or the property would not hold
    constexpr std::array<std::size_t, 5> kOther{1, 0, 2, 4, 3};
    REQUIRE(mesh()[k][0] == Approx(-mesh()[kOther[k]][0]).margin(1e-6));
    REQUIRE(mesh()[k][1] == Approx(mesh()[kOther[k]][1]));
  }
  for (std::uint32_t i = 0; i < 20; ++i) {
    Random random(2, RandomPurpose::test, 0, i);
    const View view = random_view(random, 40, kUsualFocal);
    const std::array<Point, 5> points = seen(view, kSquare);
    constexpr auto kTwiceMiddle = static_cast<float>(2 * kSquare.x + kSquare.side);
    const auto mirrored = [&](std::size_t k) {
      return Point{kTwiceMiddle - points[k].x, points[k].y};
    };
    const View a = view_of(five_point_camera(mesh(), points, kSquare)),
               b = view_of(five_point_camera(
                   mesh(), {mirrored(1), mirrored(0), mirrored(2), mirrored(4), mirrored(3)},
                   kSquare));
    CAPTURE(i);
    for (const auto& [one, other] : {std::pair{a.g[0], b.g[0]},
                                     {a.g[1], -b.g[1]},
                                     {a.g[2], -b.g[2]},
                                     {a.location[0], -b.location[0]},
                                     {a.location[1], b.location[1]},
                                     {a.location[2], b.location[2]}})
      CHECK(one == Approx(other).margin(1e-3));
  }
}

TEST_CASE("five point pose: only where points are in the square counts, to the bit",
          "[five_point_pose]") {
  Random random(3, RandomPurpose::test);
  const View view = random_view(random, 30, kUsualFocal);
  std::array<Point, 5> points = seen(view, kSquare);
  const Tensor camera = five_point_camera(mesh(), points, kSquare);
  CHECK(same_bits(five_point_camera(mesh(), points, kSquare), camera));
  const WithThreads three(3);
  CHECK(same_bits(five_point_camera(mesh(), points, kSquare), camera));
  for (Point& p : points) p = {4 * p.x, 4 * p.y};
  CHECK(same_bits(
      five_point_camera(mesh(), points,
                        {.x = 4 * kSquare.x, .y = 4 * kSquare.y, .side = 4 * kSquare.side}),
      camera));
}

TEST_CASE("five point pose: hostile points give cameras all the same", "[five_point_pose][error]") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInfinity = std::numeric_limits<float>::infinity();
  // What cannot be used: a face in the middle of the square, whatever the points.
  const Tensor unusable = five_point_camera(mesh(), all_at(50, 50), kSquare);
  const std::array<Point, 5> filled = seen(view_of(unusable), kSquare);
  for (const Point& p : filled) {
    CHECK((p.x > 31.5F && p.x < 231.5F));
    CHECK((p.y > -12 && p.y < 188));
  }
  CHECK(std::abs(filled[1].x - filled[0].x) > 30);
  Random random(4, RandomPurpose::test);
  const std::array<Point, 5> usual = seen(random_view(random, 20, kUsualFocal), kSquare);
  for (const float bad : {kNan, kInfinity, -kInfinity, 1e30F}) {
    for (std::size_t k = 0; k < 5; ++k) {
      std::array<Point, 5> points = usual;
      points[k].x = bad;
      CHECK(same_bits(five_point_camera(mesh(), points, kSquare), unusable));
      points = usual;
      points[k].y = bad;
      CHECK(same_bits(five_point_camera(mesh(), points, kSquare), unusable));
    }
    CHECK(same_bits(five_point_camera(mesh(), all_at(bad, bad), kSquare), unusable));
  }
  const std::array<Point, 5> in_a_line{{{40, 40}, {80, 80}, {60, 60}, {50, 50}, {70, 70}}},
      level{{{40, 40}, {80, 40}, {60, 40}, {50, 40}, {70, 40}}},
      two_places{{{40, 40}, {40, 40}, {40, 40}, {90, 90}, {90, 90}}},
      upside_down{{{80, 80}, {40, 80}, {60, 60}, {75, 40}, {45, 40}}},
      far_away{{{4000, 0}, {-4000, 9}, {0, 5000}, {3, 3}, {1e4F, -1e4F}}},
      tiny{{{60, 60}, {60.001F, 60}, {60, 60.001F}, {60, 60}, {60.001F, 60.001F}}};
  for (const auto& points : {in_a_line, level, two_places, upside_down, far_away, tiny}) {
    const Tensor camera = five_point_camera(mesh(), points, kSquare);
    CHECK(finite(camera));
    CHECK(camera.data<float>()[2] > 0);  // before the camera
  }
}

TEST_CASE("five point pose: points in widths from the middle of the square", "[five_point_pose]") {
  const Tensor at =
      in_square({{{31.5F, -12}, {231.5F, 188}, {131.5F, 88}, {81.5F, 88}, {0, 0}}}, kSquare);
  REQUIRE(at.shape() == Shape{5, 2});
  const std::vector<double> expected{-0.5, -0.5, 0.5, 0.5, 0, 0, -0.25, 0, -0.6575, -0.44};
  for (std::size_t i = 0; i < 10; ++i)
    CHECK(static_cast<double>(at.data<float>()[i]) == Approx(expected[i]).margin(1e-6));
}

}  // namespace rf::test
