#include "engine/image_mirror.hpp"

#include <catch2/catch.hpp>

namespace rf::test {

TEST_CASE("mirror: left and right change places, colours and rows do not", "[image]") {
  const Image image{3, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}};
  const Image there = mirrored(image);
  CHECK(there.width == 3);
  CHECK(there.height == 2);
  CHECK(there.rgb ==
        std::vector<std::uint8_t>{7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13});
  CHECK(mirrored(there).rgb == image.rgb);
}

TEST_CASE("mirror: a column is its own image, nothing stays nothing", "[image]") {
  const Image column{1, 3, {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  CHECK(mirrored(column).rgb == column.rgb);
  const Image nothing = mirrored(Image{});
  CHECK(nothing.width == 0);
  CHECK(nothing.rgb.empty());
}

}  // namespace rf::test
