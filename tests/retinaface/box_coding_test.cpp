#include <catch2/catch.hpp>

#include <cmath>

#include "retinaface/box_coding.hpp"

namespace {

const rf::Anchor kAnchor{100, 60, 32};

}  // namespace

TEST_CASE("box_coding: zeros decode to the anchor itself", "[box_coding]") {
  const float zeros[10] = {};
  const rf::Box box = rf::decode_box(kAnchor, std::span<const float, 4>(zeros, 4), {});
  CHECK(box.x1 == 84);
  CHECK(box.y1 == 44);
  CHECK(box.x2 == 116);
  CHECK(box.y2 == 76);
  for (const rf::Point& p : rf::decode_landmarks(kAnchor, zeros, {})) {
    CHECK(p.x == 100);
    CHECK(p.y == 60);
  }
}

TEST_CASE("box_coding: a box worked out by hand, with SSD's variances", "[box_coding]") {
  // Centre 100 + 0.1 * 5 * 32 = 116, 60 - 0.1 * 2.5 * 32 = 52; width 32 exp(0.2 * 5 ln 2) = 64,
  // height 32.
  const float t[4] = {5, -2.5F, static_cast<float>(5 * std::log(2.0)), 0};
  const rf::Box box = rf::decode_box(kAnchor, t, {});
  CHECK(box.x1 == Approx(84));
  CHECK(box.x2 == Approx(148));
  CHECK(box.y1 == Approx(36));
  CHECK(box.y2 == Approx(68));
}

TEST_CASE("box_coding: with plus_one a box from x1 to x2 is x2 - x1 + 1 wide", "[box_coding]") {
  const rf::CodingConfig coding{.centre_variance = 1, .size_variance = 1, .plus_one = true};
  const float zeros[4] = {};
  // Anchor 0 of the authors' stride 8: base [-0.5, -0.5, 15.5, 15.5] is (0, 0, 15, 15) shifted;
  // side 16, centre 7.5.
  const rf::Box box = rf::decode_box({7.5, 7.5, 16}, zeros, coding);
  CHECK(box.x1 == 0);
  CHECK(box.x2 == 15);
}

TEST_CASE("box_coding: landmarks move by centre_variance times the anchor's size", "[box_coding]") {
  const float t[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const auto points = rf::decode_landmarks(kAnchor, t, {});
  CHECK(points[0].x == Approx(103.2));
  CHECK(points[0].y == Approx(66.4));
  CHECK(points[4].x == Approx(128.8));
  CHECK(points[4].y == Approx(92.0));
}
