#include "engine/image_resize.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include "engine/check.hpp"
#include "engine/random.hpp"
#include "tests/noise_image.hpp"
#include "tests/support.hpp"

using rf::Image;
using rf::Index;
using rf::resize;
using rf::test::noise_image;

namespace {

// Red as given, green = 255 - red, blue = 7.
Image from_red(Index width, Index height, const std::vector<int>& red) {
  Image image{width, height, {}};
  for (const int value : red) {
    image.rgb.insert(image.rgb.end(),
                     {static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(255 - value), 7});
  }
  return image;
}

std::vector<int> red_of(const Image& image) {
  std::vector<int> red;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) red.push_back(image.rgb[i]);
  return red;
}

}  // namespace

TEST_CASE("resize: shrinking by two weighs four pixels 1 3 3 1", "[resize][golden]") {
  // Triangle of radius 2 around the border of pixels 3 and 4: distances 1.5, 0.5, 0.5, 1.5, weights
  // (1 3 3 1) / 8. At the left end the outer pixel is missing: (3 3 1) / 7.
  const Image wide = from_red(8, 1, {70, 140, 210, 8, 16, 80, 240, 100});
  const std::vector<int> expected{
      (3 * 70 + 3 * 140 + 210) / 7,                  // 120
      (140 + 3 * 210 + 3 * 8 + 16 + 4) / 8,          // 101.25 -> 101
      (8 + 3 * 16 + 3 * 80 + 240 + 4) / 8,           // 67
      (2 * (80 + 3 * 240 + 3 * 100) + 7) / (2 * 7),  // 157.14 -> 157
  };
  CHECK(expected == std::vector<int>{120, 101, 67, 157});
  CHECK(red_of(resize(wide, 4, 1)) == expected);
  const Image tall = from_red(1, 8, {70, 140, 210, 8, 16, 80, 240, 100});
  CHECK(red_of(resize(tall, 1, 4)) == expected);
}

TEST_CASE("resize: enlarging by two is bilinear interpolation", "[resize][golden]") {
  // Centres at -0.25 (clamped), 0.25, 0.75, 1.25 (clamped) of the distance between the two pixels.
  CHECK(red_of(resize(from_red(2, 1, {40, 200}), 4, 1)) == std::vector<int>{40, 80, 160, 200});
  CHECK(red_of(resize(from_red(1, 2, {40, 200}), 1, 4)) == std::vector<int>{40, 80, 160, 200});
}

TEST_CASE("resize: both axes are independent, and halves round up", "[resize][golden]") {
  // 2 x 2 to 1 x 1: the mean. (0 + 1 + 2 + 3) / 4 = 1.5.
  const Image image = from_red(2, 2, {0, 1, 2, 3});
  CHECK(red_of(resize(image, 1, 1)) == std::vector<int>{2});
  CHECK(int(resize(image, 1, 1).rgb[1]) == 254);  // mean of 255 - red: 253.5
  CHECK(int(resize(image, 1, 1).rgb[2]) == 7);
}

TEST_CASE("resize: a constant picture stays constant at any size", "[resize][property]") {
  for (const int value : {0, 1, 127, 255}) {
    Image image{37, 23, std::vector<std::uint8_t>(3 * 37 * 23, static_cast<std::uint8_t>(value))};
    for (const auto& [width, height] :
         {std::pair<Index, Index>{1, 1}, {36, 22}, {5, 200}, {111, 3}, {38, 24}}) {
      const Image result = resize(image, width, height);
      CAPTURE(value, width, height);
      REQUIRE(result.width == width);
      REQUIRE(result.rgb.size() == static_cast<std::size_t>(3 * width * height));
      CHECK(std::all_of(result.rgb.begin(), result.rgb.end(), [&](int v) { return v == value; }));
    }
  }
}

TEST_CASE("resize: the same size gives the same bytes", "[resize]") {
  const Image image = noise_image(33, 17);
  CHECK(resize(image, 33, 17).rgb == image.rgb);
}

TEST_CASE("resize: one pixel and one row of pixels go anywhere", "[resize]") {
  const Image dot = from_red(1, 1, {99});
  const Image large = resize(dot, 7, 5);
  CHECK(red_of(large) == std::vector<int>(35, 99));
  const Image column = resize(noise_image(1, 4000), 1, 1);
  CHECK(column.rgb.size() == 3);
  CHECK(resize(noise_image(4000, 1), 3, 2).rgb.size() == 18);
}

TEST_CASE("resize: never goes beyond the values of the source", "[resize][property]") {
  Image image = noise_image(64, 48);
  for (auto& value : image.rgb) value = static_cast<std::uint8_t>(value < 128 ? 20 : 230);
  for (const auto& [width, height] :
       {std::pair<Index, Index>{200, 150}, {63, 47}, {13, 9}, {64, 5}}) {
    const Image result = resize(image, width, height);
    const auto [low, high] = std::minmax_element(result.rgb.begin(), result.rgb.end());
    CHECK(int(*low) >= 20);
    CHECK(int(*high) <= 230);
  }
}

TEST_CASE("resize: stripes of one pixel become grey when shrunk, they do not alias",
          "[resize][property]") {
  std::vector<int> stripes(300);
  for (std::size_t i = 0; i < stripes.size(); ++i) stripes[i] = i % 2 == 0 ? 0 : 200;
  // Each result covers over three periods; the triangle's response there is within 4 % of the mean.
  const std::vector<int> result = red_of(resize(from_red(300, 1, stripes), 41, 1));
  for (std::size_t i = 1; i + 1 < result.size(); ++i) {
    CHECK(result[i] > 92);
    CHECK(result[i] < 108);
  }
}

TEST_CASE("resize: the same bytes for any number of threads", "[resize]") {
  const Image image = noise_image(157, 211);
  const auto on = [&](int threads, Index width, Index height) {
    const rf::test::WithThreads limit(threads);
    return resize(image, width, height).rgb;
  };
  for (const int threads : {2, 3, 8}) {
    CHECK(on(threads, 50, 61) == on(1, 50, 61));
    CHECK(on(threads, 200, 333) == on(1, 200, 333));
  }
}

TEST_CASE("resize: refuses sizes below one pixel and empty pictures", "[resize][error]") {
  const Image image = from_red(2, 1, {1, 2});
  CHECK_THROWS_AS(resize(image, 0, 1), rf::ShapeError);
  CHECK_THROWS_AS(resize(image, 1, -3), rf::ShapeError);
  CHECK_THROWS_WITH(resize(Image{}, 4, 5), Catch::Contains("0 x 0 pixels to 4 x 5"));
}
