#include <catch2/catch.hpp>

#include <cmath>

#include "retinaface/anchors.hpp"

using rf::Anchor;
using rf::AnchorGrid;
using rf::AnchorLevel;
using rf::Index;

namespace {

const std::vector<AnchorLevel> kLight = {
    {8, 4, {16, 32}}, {16, 8, {64, 128}}, {32, 16, {256, 512}}};

}  // namespace

TEST_CASE("anchors: the light model has 16,800 of them at 640 x 640", "[anchors]") {
  CHECK(AnchorGrid(kLight, 640, 640).count() == 2 * (80 * 80 + 40 * 40 + 20 * 20));
}

TEST_CASE("anchors: the counts of the paper's Table 2 add up to 102,300 at 640 x 640",
          "[anchors]") {
  std::vector<AnchorLevel> levels;
  double size = 16;
  for (Index stride = 4; stride <= 64; stride *= 2) {
    AnchorLevel& level =
        levels.emplace_back(AnchorLevel{stride, static_cast<double>(stride) / 2, {}});
    for (int i = 0; i < 3; ++i, size *= std::cbrt(2.0)) level.sizes.push_back(size);
  }
  CHECK(AnchorGrid(levels, 640, 640).count() == 102300);
  CHECK(levels.back().sizes.back() == Approx(406.37).epsilon(1e-4));  // Table 2, P6
}

TEST_CASE("anchors: run level by level, row by row, column by column, small before large",
          "[anchors]") {
  const AnchorGrid grid(kLight, 17, 9);  // cells: 3 x 2, 2 x 1, 1 x 1
  REQUIRE(grid.count() == 2 * (6 + 2 + 1));
  const auto check = [&](Index index, double x, double y, double size) {
    CAPTURE(index);
    CHECK(grid[index].x == x);
    CHECK(grid[index].y == y);
    CHECK(grid[index].size == size);
  };
  check(0, 4, 4, 16);
  check(1, 4, 4, 32);
  check(2, 12, 4, 16);
  check(5, 20, 4, 32);
  check(6, 4, 12, 16);
  check(12, 8, 8, 64);
  check(15, 24, 8, 128);
  check(16, 16, 16, 256);
  check(17, 16, 16, 512);
}
