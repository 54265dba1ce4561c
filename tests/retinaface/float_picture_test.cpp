#include "retinaface/dense/float_picture.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

Image grey(Index width, Index height, int level) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height),
                                    static_cast<std::uint8_t>(level))};
}

// A rendered picture of `side` pixels: where `covered` says so, of this colour.
template <class Covered>
RenderedMeshes drawn(Index side, float colour, Covered&& covered) {
  RenderedMeshes meshes{.colour = ag::Var(Tensor::zeros({1, side, side, 3})),
                        .triangle = Tensor::zeros({1, side, side}, DType::i64),
                        .clip = ag::Var(Tensor::zeros({1, 3, 4}))};
  Tensor colours = Tensor::zeros({1, side, side, 3});
  for (Index i = 0; i < side * side; ++i) {
    const bool here = covered(i / side, i % side);
    meshes.triangle.data<Index>()[i] = here ? 0 : -1;
    for (Index c = 0; c < 3; ++c) colours.data<float>()[3 * i + c] = here ? colour : 0;
  }
  meshes.colour = ag::Var(colours);
  return meshes;
}

int red_at(const Image& image, Index row, Index column) {
  return image.rgb[static_cast<std::size_t>(3 * (row * image.width + column))];
}

}  // namespace

TEST_CASE("float picture: a mesh covers pixels by its share of them", "[synthetic]") {
  FloatPicture picture(grey(6, 5, 100));
  // Two columns of three of every row of the first pixel, and all of the second, in white.
  picture.lay_over(drawn(6, 1, [](Index, Index column) { return column != 2; }), 3, 1, 1);
  const Image image = picture.image();
  CHECK(red_at(image, 1, 1) == 203);  // 100 / 3 + 2 255 / 3 = 203.3
  CHECK(red_at(image, 2, 1) == 203);
  CHECK(red_at(image, 1, 2) == 255);
  CHECK(red_at(image, 0, 1) == 100);
  CHECK(red_at(image, 1, 0) == 100);
  CHECK(red_at(image, 1, 3) == 100);
}

TEST_CASE("float picture: parts of a mesh outside are cut off, bright ones limited",
          "[synthetic]") {
  for (const Index samples : {1, 2}) {
    FloatPicture picture(grey(4, 4, 0));
    picture.lay_over(drawn(8, 3, [](Index, Index) { return true; }), samples, -2, -2);
    const Image image = picture.image();
    CHECK(red_at(image, 0, 0) == 255);
    CHECK(red_at(image, 1, 1) == 255);
    CHECK(red_at(image, 3, 3) == (samples == 1 ? 255 : 0));
    picture.lay_over(drawn(2, 1, [](Index, Index) { return true; }), samples, 100, -100);
    CHECK(picture.image().rgb == image.rgb);
  }
}

TEST_CASE("float picture: one sample a pixel smooths the outline alone", "[synthetic]") {
  FloatPicture picture(grey(12, 12, 0));
  // A square of rows and columns 3 .. 8.
  RenderedMeshes meshes = drawn(10, 1, [](Index row, Index column) {
    return std::min(row, column) >= 2 && std::max(row, column) <= 7;
  });
  picture.lay_over(meshes, 1, 1, 1);
  const Image image = picture.image();
  CHECK(red_at(image, 5, 5) == 255);
  CHECK(red_at(image, 5, 3) == 191);  // 3/4 of it
  CHECK(red_at(image, 5, 2) == 64);   // 1/4
  CHECK(red_at(image, 2, 2) == 16);   // 1/16
  CHECK(red_at(image, 5, 1) == 0);
}

TEST_CASE("float picture: blur spreads a dot by its deviation and keeps what is even",
          "[synthetic]") {
  FloatPicture even(grey(7, 3, 90));
  even.blur(1.5);
  CHECK(even.image().rgb == grey(7, 3, 90).rgb);
  Image dot = grey(31, 31, 0);
  for (std::size_t c = 0; c < 3; ++c) dot.rgb[3 * (15 * 31 + 15) + c] = 255;
  FloatPicture untouched(dot), picture(dot);
  untouched.blur(0);
  CHECK(untouched.image().rgb == dot.rgb);
  picture.blur(1);
  const Image image = picture.image();
  CHECK(red_at(image, 15, 15) == 41);  // 255 / (2 pi) = 40.6; cut off at 3 deviations 0.5 % more
  CHECK(red_at(image, 15, 14) == 25);  // exp(-1/2) of it
  CHECK(red_at(image, 14, 15) == 25);
  CHECK(red_at(image, 14, 14) == 15);  // exp(-1) of it
  CHECK(red_at(image, 15, 19) == 0);
}

TEST_CASE("float picture: contrast, brightness and noise are what they say", "[synthetic]") {
  const NoiseTable table(1);
  Random random(1, RandomPurpose::test);
  FloatPicture picture(grey(5, 4, 100));
  picture.change({.gain = 1.5F, .offset = 10, .noise = 0}, table, random);
  CHECK(picture.image().rgb == grey(5, 4, 96).rgb);  // 1.5 (100 - 128) + 128 + 10
  FloatPicture bright(grey(5, 4, 250));
  bright.change({.gain = 1, .offset = 50, .noise = 0}, table, random);
  CHECK(bright.image().rgb == grey(5, 4, 255).rgb);

  FloatPicture noisy(grey(200, 100, 128));
  noisy.change({.gain = 1, .offset = 0, .noise = 10}, table, random);
  const Image image = noisy.image();
  double sum = 0, square = 0;
  for (const std::uint8_t value : image.rgb) {
    sum += value - 128;
    square += (value - 128) * (value - 128);
  }
  const auto count = static_cast<double>(image.rgb.size());
  CHECK(sum / count == Approx(0).margin(0.3));
  CHECK(std::sqrt(square / count) == Approx(10).margin(0.3));
  CHECK(!std::equal(image.rgb.begin(), image.rgb.begin() + 600, image.rgb.begin() + 600));
}

}  // namespace rf::test
