#include "retinaface/feature_map.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "engine/check.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

const AnchorLevel kCells{.stride = 8, .offset = 4, .sizes = {16}};

// What a map whose columns hold 10 row + column has at a point of a map of 3 x 5 cells.
double value_at(double x, double y) {
  const MapPlace place = map_place(x, y, kCells, 3, 5);
  double value = 0, sum = 0;
  for (const MapPlace::Corner& corner : place.corners) {
    CHECK(corner.row >= 0);
    CHECK(corner.row < 3);
    CHECK(corner.column >= 0);
    CHECK(corner.column < 5);
    CHECK(corner.weight >= 0);
    sum += static_cast<double>(corner.weight);
    value +=
        static_cast<double>(corner.weight) * static_cast<double>(10 * corner.row + corner.column);
  }
  CHECK(sum == Approx(1));
  return value;
}

}  // namespace

TEST_CASE("feature map: its text leads back to it", "[feature_map]") {
  for (const char* const text : {"backbone.0", "pyramid.2", "context.15"})
    CHECK(to_string(parse_feature_map(text)) == text);
  CHECK(parse_feature_map("context.1") ==
        FeatureMap{.stage = FeatureMap::Stage::context, .level = 1});
  CHECK(parse_feature_maps("").empty());
  CHECK(parse_feature_maps("context.1,backbone.0") ==
        std::vector{parse_feature_map("context.1"), parse_feature_map("backbone.0")});
}

TEST_CASE("feature map: other texts are refused", "[feature_map][error]") {
  for (const char* const text :
       {"", "context", "context.", ".0", "context.-1", "context.16", "context.1x", "context.1.0",
        "Context.0", " context.0", "heads.0", "context.99999999999999999999"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_feature_map(text), UsageError);
  }
  for (const char* const text : {",", "context.0,", ",context.0", "context.0,,context.1"})
    CHECK_THROWS_AS(parse_feature_maps(text), UsageError);
}

TEST_CASE("feature map: a point lies between the middles of four cells", "[feature_map]") {
  CHECK(value_at(4, 4) == Approx(0));
  CHECK(value_at(4 + 8 * 3, 4 + 8) == Approx(13));
  CHECK(value_at(4 + 8 * 3.25, 4 + 8 * 0.5) == Approx(5 + 3.25));
  const MapPlace middle = map_place(20, 12, kCells, 3, 5);
  CHECK(middle.corners[0].row == 1);
  CHECK(middle.corners[0].column == 2);
  CHECK(middle.corners[0].weight == 1);
}

TEST_CASE("feature map: a point outside lies on the border", "[feature_map]") {
  constexpr double kFar = 1e30, kNone = std::numeric_limits<double>::quiet_NaN();
  CHECK(value_at(-5, 12) == Approx(10));
  CHECK(value_at(39, 23) == Approx(24));
  CHECK(value_at(kFar, -kFar) == Approx(4));
  CHECK(value_at(-kFar, kFar) == Approx(20));
  CHECK(value_at(kNone, kNone) == Approx(0));
  const MapPlace one = map_place(9, 9, kCells, 1, 1);
  for (const MapPlace::Corner& corner : one.corners) CHECK(corner.row + corner.column == 0);
}

}  // namespace rf::test
