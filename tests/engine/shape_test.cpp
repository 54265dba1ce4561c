#include "engine/shape.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

#include "engine/check.hpp"

namespace rf::test {

namespace {
constexpr Index kMax = std::numeric_limits<Index>::max();
}

TEST_CASE("checked_mul and checked_add: exact up to 2^63 - 1, refused beyond", "[shape]") {
  CHECK(checked_mul(3, 4) == 12);
  CHECK(checked_mul(0, kMax) == 0);
  CHECK(checked_mul(kMax, 1) == kMax);
  CHECK(checked_mul(Index{1} << 31, Index{1} << 31) == Index{1} << 62);
  CHECK_THROWS_AS(checked_mul(Index{1} << 32, Index{1} << 31), ShapeError);
  CHECK_THROWS_AS(checked_mul(kMax, 2), ShapeError);
  CHECK_THROWS_AS(checked_mul(-1, 5), ShapeError);
  CHECK_THROWS_AS(checked_mul(-3, -5), ShapeError);
  CHECK(checked_add(kMax - 1, 1) == kMax);
  CHECK_THROWS_AS(checked_add(kMax, 1), ShapeError);
  CHECK_THROWS_AS(checked_add(5, -1), ShapeError);
}

TEST_CASE("shape: counts its elements; rank 0 has one, a zero makes none", "[shape]") {
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{2, 3, 4}.numel() == 24);
  CHECK(Shape{2, 0, 4}.numel() == 0);
  CHECK(Shape{1, 2, 3, 4, 5, 6}.rank() == 6);
  CHECK(Shape{2, 3, 4}[1] == 3);
}

TEST_CASE("shape: refuses what no tensor can have, and says what", "[shape]") {
  CHECK_THROWS_WITH((Shape{1, 1, 1, 1, 1, 1, 1}),
                    Catch::Contains("rank 7") && Catch::Contains("6"));
  CHECK_THROWS_WITH((Shape{2, -3}), Catch::Contains("-3"));
  CHECK_THROWS_AS((Shape{Index{1} << 40, Index{1} << 40}), ShapeError);
  CHECK_THROWS_AS((Shape{65500, 65500, kMax}), ShapeError);
}

TEST_CASE("shape: compares by dimensions, prints them, replaces one", "[shape]") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2, 3} == Shape{2, 3, 1});
  CHECK_FALSE(Shape{} == Shape{0});
  CHECK(to_string(Shape{1, 3, 480, 640}) == "[1, 3, 480, 640]");
  CHECK(to_string(Shape{}) == "[]");
  CHECK(Shape{2, 3, 4}.with(1, 7) == Shape{2, 7, 4});
  CHECK_THROWS_AS((Shape{2, 3}.with(0, -1)), ShapeError);
  const Shape shape{4, 5};
  CHECK(std::vector<Index>(shape.dims().begin(), shape.dims().end()) == std::vector<Index>{4, 5});
}

TEST_CASE("ceil_div: rounds up", "[shape]") {
  CHECK(ceil_div(0, 4) == 0);
  CHECK(ceil_div(1, 4) == 1);
  CHECK(ceil_div(4, 4) == 1);
  CHECK(ceil_div(5, 4) == 2);
}

}  // namespace rf::test
