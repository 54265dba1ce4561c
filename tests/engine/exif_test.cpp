#include "engine/exif.hpp"

#include <catch2/catch.hpp>

#include "engine/image.hpp"
#include "tests/image_files.hpp"

using rf::exif_orientation;
using rf::Image;
using rf::test::Bytes;

namespace {

// Stored blocks of 8 x 8 pixels, 3 wide and 2 high: A B C / D E F with these grey values.
constexpr int A = 10, B = 50, C = 90, D = 130, E = 170, F = 210;

Bytes picture_with(const Bytes& segment) {
  return rf::test::make_jpeg({24, 16, {{A, B, C, D, E, F}}, false, -1, segment});
}

// The grey value in the middle of each block, row by row.
std::vector<int> blocks_of(const Image& image) {
  std::vector<int> values;
  for (rf::Index y = 4; y < image.height; y += 8) {
    for (rf::Index x = 4; x < image.width; x += 8) {
      values.push_back(image.rgb[static_cast<std::size_t>(3 * (y * image.width + x))]);
    }
  }
  return values;
}

}  // namespace

TEST_CASE("exif: all eight orientations in both byte orders are turned upright", "[exif]") {
  // What a viewer must see, from the definition: where the first stored row and column lie in the
  // upright picture.
  const std::vector<std::vector<int>> upright{
      {A, B, C, D, E, F},  // 1: first row on top, first column left
      {C, B, A, F, E, D},  // 2: top, right
      {F, E, D, C, B, A},  // 3: bottom, right
      {D, E, F, A, B, C},  // 4: bottom, left
      {A, D, B, E, C, F},  // 5: left, top
      {D, A, E, B, F, C},  // 6: right, top
      {F, C, E, B, D, A},  // 7: right, bottom
      {C, F, B, E, A, D},  // 8: left, bottom
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      CAPTURE(orientation, big_endian);
      const Bytes file = picture_with(rf::test::exif_segment(orientation, big_endian));
      CHECK(exif_orientation(file) == orientation);
      const Image image = rf::decode_image(file, "turned.jpg");
      const bool transposed = orientation >= 5;
      CHECK(image.width == (transposed ? 16 : 24));
      CHECK(image.height == (transposed ? 24 : 16));
      CHECK(blocks_of(image) == upright[static_cast<std::size_t>(orientation - 1)]);
      const Image stored = rf::decode_image(file, "turned.jpg", {.apply_exif = false});
      CHECK(stored.width == 24);
      CHECK(blocks_of(stored) == upright[0]);
    }
  }
}

TEST_CASE("exif: a pixel inside a block is turned as well, not only the blocks", "[exif]") {
  // 8 x 16 of two blocks, orientation 6: the lower block comes to the left.
  const Bytes file =
      rf::test::make_jpeg({5, 11, {{20, 220}}, false, -1, rf::test::exif_segment(6, false)});
  const Image image = rf::decode_image(file, "odd.jpg");
  REQUIRE(image.width == 11);
  REQUIRE(image.height == 5);
  for (std::size_t x = 0; x < 11; ++x) CHECK(int(image.rgb[3 * x]) == (x < 3 ? 220 : 20));
}

TEST_CASE("exif: no tag, nonsense and cut files count as upright", "[exif]") {
  CHECK(exif_orientation({}) == 1);
  CHECK(exif_orientation(picture_with({})) == 1);
  CHECK(exif_orientation(picture_with(rf::test::exif_segment(0, false))) == 1);
  CHECK(exif_orientation(picture_with(rf::test::exif_segment(9, true))) == 1);
  const Bytes whole = picture_with(rf::test::exif_segment(6, true));
  REQUIRE(exif_orientation(whole) == 6);
  // The value stands at byte 2 + 4 + 6 + 30: SOI, segment header, "Exif", then TIFF header, count,
  // an entry, 8 bytes.
  constexpr std::size_t kValue = 2 + 4 + 6 + 8 + 2 + 12 + 8;
  REQUIRE(whole[kValue + 1] == std::byte{6});
  for (std::size_t length = 0; length < kValue + 4; ++length) {
    CAPTURE(length);
    CHECK(exif_orientation(std::span(whole).first(length)) == 1);
  }
  for (const std::size_t at :
       {std::size_t{12}, std::size_t{15}, std::size_t{16}, kValue - 6, kValue - 2}) {
    Bytes broken = whole;  // byte order, the number 42, directory offset, type, count
    broken[at] = std::byte{0x7F};
    CAPTURE(at);
    CHECK(exif_orientation(broken) == 1);
  }
}

TEST_CASE("exif: the tag is found behind other segments, and not inside the pixels", "[exif]") {
  Bytes segments;
  rf::test::put(segments, {0xFF, 0xE0, 0, 4, 1, 2});  // some APP0
  rf::test::put(segments,
                {0xFF, 0xE1, 0, 10, 'h', 't', 't', 'p', 's', ':', 0, 0});  // XMP is an APP1 too
  rf::test::put(segments, {0xFF});                                         // a fill byte
  rf::test::put_all(segments, rf::test::exif_segment(8, false));
  CHECK(exif_orientation(picture_with(segments)) == 8);
  Bytes after = picture_with({});
  rf::test::put_all(after, rf::test::exif_segment(8, false));
  CHECK(exif_orientation(after) == 1);
}
