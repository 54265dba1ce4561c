#include "engine/image.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "engine/check.hpp"
#include "engine/image_probe.hpp"
#include "engine/random.hpp"
#include "tests/image_files.hpp"
#include "tests/support.hpp"

using Catch::Contains;
using rf::decode_image;
using rf::FormatError;
using rf::Image;
using rf::test::Bytes;

namespace {

Bytes text_bytes(const std::string& text) {
  Bytes bytes;
  rf::test::put_text(bytes, text);
  return bytes;
}

std::vector<int> pixels_of(const Image& image) { return {image.rgb.begin(), image.rgb.end()}; }

Image small_picture() {
  return {3, 2, {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90}};
}

// The bytes that write_image makes for this extension.
Bytes encoded(const std::string& extension, const Image& image) {
  const rf::test::TemporaryFolder folder;
  const std::string path = folder.file("picture" + extension);
  rf::write_image(path, image, rf::IfExists::refuse);
  return rf::read_file(path, 1 << 24);
}

// One file of each format, and of each variant that has code of its own.
std::vector<std::pair<std::string, Bytes>> valid_files() {
  std::vector<std::pair<std::string, Bytes>> files;
  for (const char* extension : {".jpg", ".png", ".bmp", ".ppm"}) {
    files.emplace_back(extension, encoded(extension, small_picture()));
  }
  const std::vector<int> levels{9, 99, 199, 255};
  files.emplace_back("progressive.jpg",
                     rf::test::make_jpeg({16, 16, {levels, levels, levels}, true, -1, {}}));
  files.emplace_back("cmyk.jpg",
                     rf::test::make_jpeg({16, 16, {levels, levels, levels, levels}, false, 0, {}}));
  Bytes rows, palette, bmp_palette, bmp_rows;
  rf::test::put(rows, {0, 0, 1});
  rf::test::put(palette, {1, 2, 3, 4, 5, 6});
  rf::test::put(bmp_palette, {1, 2, 3, 0, 4, 5, 6, 0});
  rf::test::put(bmp_rows, {0, 1, 0, 0});
  files.emplace_back("palette.png", rf::test::make_png({2, 1, 8, 3, rows, palette, {}}));
  files.emplace_back("palette.bmp", rf::test::make_palette_bmp(2, 1, bmp_palette, bmp_rows));
  return files;
}

}  // namespace

TEST_CASE("image: PNG, BMP and PPM give back the pixels that were written", "[image]") {
  rf::Random random(1, rf::RandomPurpose::test);
  for (const auto& [width, height] :
       {std::pair<rf::Index, rf::Index>{3, 2}, {1, 1}, {1, 4000}, {257, 3}}) {
    Image image{width, height, {}};
    for (rf::Index i = 0; i < 3 * width * height; ++i)
      image.rgb.push_back(static_cast<std::uint8_t>(random.below(256)));
    for (const char* extension : {".png", ".bmp", ".ppm", ".PNG"}) {
      CAPTURE(extension, width, height);
      const Image back = decode_image(encoded(extension, image), "back");
      CHECK(back.width == width);
      CHECK(back.height == height);
      CHECK(back.rgb == image.rgb);
    }
  }
}

TEST_CASE("image: JPEG gives back flat colours within a level or two", "[image]") {
  Image image{16, 8, {}};
  for (int i = 0; i < 16 * 8; ++i) image.rgb.insert(image.rgb.end(), {200, 100, 50});
  for (const char* extension : {".jpg", ".JPEG"}) {
    const Image back = decode_image(encoded(extension, image), "back");
    REQUIRE(back.rgb.size() == image.rgb.size());
    for (std::size_t i = 0; i < image.rgb.size(); ++i)
      CHECK(std::abs(back.rgb[i] - image.rgb[i]) <= 2);
  }
}

TEST_CASE("image: a grey JPEG becomes three equal channels, progressive like baseline", "[image]") {
  const std::vector<int> levels{0, 1, 128, 254, 255, 77};
  for (const bool progressive : {false, true}) {
    const Image image =
        decode_image(rf::test::make_jpeg({24, 16, {levels}, progressive, -1, {}}), "grey.jpg");
    REQUIRE(image.width == 24);
    REQUIRE(image.height == 16);
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      const std::size_t x = i / 3 % 24, y = i / 3 / 24;
      REQUIRE(int(image.rgb[i]) == levels[y / 8 * 3 + x / 8]);
    }
  }
}

TEST_CASE("image: RGB and Adobe CMYK JPEGs become RGB", "[image]") {
  const Image rgb =
      decode_image(rf::test::make_jpeg({8, 8, {{200}, {100}, {50}}, false, -1, {}}), "rgb.jpg");
  CHECK(std::vector<int>(rgb.rgb.begin(), rgb.rgb.begin() + 3) == std::vector<int>{200, 100, 50});
  // Adobe stores CMYK inverted: colour = ink * key / 255. 200 * 102 / 255 = 80, 100 -> 40, 50
  // -> 20.
  const Image cmyk = decode_image(
      rf::test::make_jpeg({8, 8, {{200}, {100}, {50}, {102}}, false, 0, {}}), "cmyk.jpg");
  CHECK(std::vector<int>(cmyk.rgb.begin(), cmyk.rgb.begin() + 3) == std::vector<int>{80, 40, 20});
  CHECK_THROWS_WITH(
      decode_image(rf::test::make_jpeg({8, 8, {{200}, {100}, {50}, {102}}, false, -1, {}}),
                   "four.jpg"),
      Contains("four.jpg") && Contains("four colour components") && Contains("save it as RGB"));
}

TEST_CASE("image: PNG alpha is dropped, palettes are looked up, 16 bits keep their upper 8",
          "[image]") {
  Bytes rgba, grey_alpha, indices, wide, wide_grey, bits;
  rf::test::put(rgba, {0, 10, 20, 30, 0, 40, 50, 60, 255});
  CHECK(pixels_of(decode_image(rf::test::make_png({2, 1, 8, 6, rgba, {}, {}}), "a.png")) ==
        std::vector<int>{10, 20, 30, 40, 50, 60});
  rf::test::put(grey_alpha, {0, 99, 3});
  CHECK(pixels_of(decode_image(rf::test::make_png({1, 1, 8, 4, grey_alpha, {}, {}}), "a.png")) ==
        std::vector<int>{99, 99, 99});
  rf::test::put(wide, {0, 0x12, 0xFF, 0x34, 0x00, 0x56, 0x80});
  CHECK(pixels_of(decode_image(rf::test::make_png({1, 1, 16, 2, wide, {}, {}}), "a.png")) ==
        std::vector<int>{0x12, 0x34, 0x56});
  rf::test::put(wide_grey, {0, 0xAB, 0xCD});
  CHECK(pixels_of(decode_image(rf::test::make_png({1, 1, 16, 0, wide_grey, {}, {}}), "a.png")) ==
        std::vector<int>{0xAB, 0xAB, 0xAB});
  rf::test::put(bits, {0, 0b10100000});  // one bit per pixel: white, black, white
  CHECK(pixels_of(decode_image(rf::test::make_png({3, 1, 1, 0, bits, {}, {}}), "a.png")) ==
        std::vector<int>{255, 255, 255, 0, 0, 0, 255, 255, 255});
  // Two colours, the second transparent; a pixel without a colour is black.
  Bytes palette, transparency;
  rf::test::put(palette, {1, 2, 3, 4, 5, 6});
  rf::test::put(transparency, {255, 0});
  rf::test::put(indices, {0, 1, 0, 2, 255});
  for (const Bytes& alpha : {Bytes{}, transparency}) {
    CHECK(pixels_of(decode_image(rf::test::make_png({4, 1, 8, 3, indices, palette, alpha}),
                                 "a.png")) == std::vector<int>{4, 5, 6, 1, 2, 3, 0, 0, 0, 0, 0, 0});
  }
}

TEST_CASE("image: BMP palettes are looked up, rows come from the bottom", "[image]") {
  Bytes palette, rows;
  rf::test::put(palette, {3, 2, 1, 0, 6, 5, 4, 0});  // blue first
  rf::test::put(rows, {0, 1, 9, 0, 1, 1, 0, 0});
  CHECK(pixels_of(decode_image(rf::test::make_palette_bmp(3, 2, palette, rows), "a.bmp")) ==
        std::vector<int>{4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 0, 0, 0});
}

TEST_CASE("image: a palette that is too short is filled up with black before decoding", "[image]") {
  Bytes palette, indices, full;
  rf::test::put(palette, {1, 2, 3, 4, 5, 6});
  rf::test::put(indices, {0, 1});
  const Bytes png = rf::test::make_png({1, 1, 8, 3, indices, palette, {}});
  const rf::ImageProbe probe = rf::probe_image(png, "p.png", 1);
  CHECK(probe.palette_missing == 768 - 6);
  // Signature, IHDR (25 bytes), length and type of PLTE, its six bytes.
  CHECK(probe.palette_end == 8 + 25 + 8 + 6);
  const Bytes filled = rf::complete_palette(png, probe);
  REQUIRE(filled.size() == png.size() + 762);
  CHECK(std::vector(filled.begin() + 33, filled.begin() + 37) ==
        Bytes{{}, {}, std::byte{3}, std::byte{0}});
  CHECK(std::equal(filled.begin() + 37, filled.begin() + 47, png.begin() + 37));
  CHECK(std::all_of(filled.begin() + 47, filled.begin() + 47 + 762,
                    [](std::byte b) { return b == std::byte{0}; }));
  CHECK(std::equal(filled.begin() + 47 + 762, filled.end(), png.begin() + 47));

  full.resize(768, std::byte{7});
  CHECK(rf::probe_image(rf::test::make_png({1, 1, 8, 3, indices, full, {}}), "f.png", 1)
            .palette_missing == 0);
  Bytes colours, row;
  rf::test::put(colours, {1, 2, 3, 0});
  rf::test::put(row, {0, 0, 0, 0});
  CHECK(
      rf::probe_image(rf::test::make_palette_bmp(1, 1, colours, row), "p.bmp", 1).palette_missing ==
      1020);
}

TEST_CASE("image: PPM and PGM samples are scaled by their maximum", "[image]") {
  CHECK(pixels_of(decode_image(text_bytes(std::string("P6 1 1 255\n\x01\x02\x03", 14)), "a.ppm")) ==
        std::vector<int>{1, 2, 3});
  // Maximum 15: 3 / 15 * 255 = 51, 15 -> 255. A comment may stand anywhere in the header.
  CHECK(pixels_of(decode_image(
            text_bytes(std::string("P5\n# by hand\n2 1 # size\n15\n\x03\x0F", 29)), "a.pgm")) ==
        std::vector<int>{51, 51, 51, 255, 255, 255});
  // 500 of 1000 in two bytes: 127.5, rounded up. Above the maximum counts as white.
  CHECK(pixels_of(decode_image(text_bytes(std::string("P5 2 1 1000\n\x01\xF4\xFF\xFF", 16)),
                               "a.pgm")) == std::vector<int>{128, 128, 128, 255, 255, 255});
  CHECK(pixels_of(decode_image(text_bytes(std::string("P5 1 1 65535\n\x7F\xFF", 15)), "a.pgm")) ==
        std::vector<int>{127, 127, 127});
}

TEST_CASE("image: files that are no pictures are refused by name", "[image][error]") {
  CHECK_THROWS_WITH(decode_image({}, "empty.jpg"), Contains("empty.jpg: the file is empty"));
  for (const std::string& content :
       {std::string("hello, world\n"), std::string("GIF89a\1\0\1\0", 10), std::string("P"),
        std::string("P3\n1 1\n255\n1 2 3\n"), std::string("\x89PNG"), std::string(5000, '\0')}) {
    CHECK_THROWS_AS(decode_image(text_bytes(content), "x"), FormatError);
    CHECK_THROWS_WITH(decode_image(text_bytes(content), "x"), Contains("x: ") && !Contains("\n"));
  }
}

TEST_CASE("image: a giant that is only a header is refused before decoding", "[image][error]") {
  std::vector<std::pair<std::string, Bytes>> giants;
  Bytes jpeg;
  rf::test::put(jpeg, {0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8});
  rf::test::put_be(jpeg, 65500, 2), rf::test::put_be(jpeg, 65500, 2);
  rf::test::put(jpeg, {3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0});
  giants.emplace_back("giant.jpg", jpeg);
  giants.emplace_back("giant.png", rf::test::make_png({65500, 65500, 8, 2, {}, {}, {}}));
  Bytes bmp = rf::test::make_palette_bmp(65500, 65500, {}, {});
  bmp[28] = std::byte{24};
  giants.emplace_back("giant.bmp", bmp);
  bmp[22 + 3] = std::byte{0x80};  // height -2147418148: from the top
  giants.emplace_back("giant.ppm", text_bytes("P6 65500 65500 255\n"));
  for (const auto& [name, file] : giants) {
    CHECK_THROWS_AS(decode_image(file, name), FormatError);
    CHECK_THROWS_WITH(decode_image(file, name),
                      Contains(name) && Contains("65500 x 65500 pixels") &&
                          Contains("limit of 100000000") && Contains("--max-pixels"));
    // Raised beyond what any decoder can hold, it is still refused.
    CHECK_THROWS_WITH(decode_image(file, name, {.max_pixels = 5'000'000'000}),
                      Contains("whatever --max-pixels"));
  }
  CHECK_THROWS_WITH(decode_image(bmp, "negative.bmp"), Contains("--max-pixels"));
}

TEST_CASE("image: the pixel limit is exact", "[image]") {
  const Bytes file = encoded(".png", small_picture());
  CHECK(decode_image(file, "six", {.max_pixels = 6}).width == 3);
  CHECK_THROWS_WITH(decode_image(file, "six", {.max_pixels = 5}),
                    Contains("3 x 2 pixels, above the limit of 5"));
}

TEST_CASE("image: every truncated file is refused, trailing bytes are not", "[image][error]") {
  for (const auto& [name, file] : valid_files()) {
    CAPTURE(name);
    const Image whole = decode_image(file, name);
    // The padding that ends the last row of a BMP may be missing: rows of 9 and of 2 bytes, padded
    // to four.
    const std::size_t padding = name == ".bmp" ? 3 : name == "palette.bmp" ? 2 : 0;
    for (std::size_t length = 0; length < file.size() - padding; ++length) {
      CAPTURE(length);
      CHECK_THROWS_AS(decode_image(std::span(file).first(length), name), FormatError);
    }
    Bytes longer = file;
    rf::test::put_text(longer, "and then some");
    CHECK(decode_image(longer, name).rgb == whole.rgb);
  }
}

TEST_CASE(
    "image: a flipped bit gives a picture of the promised size or one line, the same each time",
    "[image][error]") {
  for (const auto& [name, file] : valid_files()) {
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
      Bytes broken = file;
      broken[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      CAPTURE(name, bit);
      try {
        const Image image = decode_image(broken, name, {.max_pixels = 1 << 20});
        CHECK(image.rgb.size() == static_cast<std::size_t>(3 * image.width * image.height));
        CHECK(decode_image(broken, name, {.max_pixels = 1 << 20}).rgb == image.rgb);
      } catch (const FormatError& error) {
        CHECK(std::strchr(error.what(), '\n') == nullptr);
      }
    }
  }
}

TEST_CASE("image: what the decoder would get wrong is refused first", "[image][error]") {
  const Bytes jpeg = rf::test::make_jpeg({8, 8, {{100}}, false, -1, {}});
  Bytes table;  // a Huffman table of 16 * 255 symbols
  rf::test::put(table, {0xFF, 0xC4, 0x0F, 0xF0 + 3, 0});
  table.resize(table.size() + 16, std::byte{255});
  table.resize(table.size() + 4080);
  Bytes huge = jpeg;
  huge.insert(huge.begin() + 2, table.begin(), table.end());
  CHECK_THROWS_WITH(decode_image(huge, "t.jpg"), Contains("Huffman table has 4080 symbols"));

  const auto marker = static_cast<std::byte>(0xDA);
  std::size_t scan = 0;
  while (jpeg[scan] != std::byte{0xFF} || jpeg[scan + 1] != marker) ++scan;
  Bytes scans(jpeg.begin(), jpeg.end() - 2);
  for (int i = 0; i < 200; ++i)
    scans.insert(scans.end(), jpeg.begin() + static_cast<std::ptrdiff_t>(scan), jpeg.end() - 2);
  rf::test::put(scans, {0xFF, 0xD9});
  CHECK_THROWS_WITH(decode_image(scans, "s.jpg"), Contains("more than 128 scans"));

  Bytes arithmetic = jpeg;
  for (std::size_t i = 0; i + 1 < arithmetic.size(); ++i) {
    if (arithmetic[i] == std::byte{0xFF} && arithmetic[i + 1] == std::byte{0xC0})
      arithmetic[i + 1] = std::byte{0xC9};
  }
  CHECK_THROWS_WITH(decode_image(arithmetic, "k.jpg"), Contains("kind that is not read"));

  const Bytes headers(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(scan));
  Bytes no_scan = headers;
  rf::test::put(no_scan, {0xFF, 0xD9});
  CHECK_THROWS_WITH(decode_image(no_scan, "n.jpg"), Contains("holds no pixels"));
}

TEST_CASE("image: a PNG that unpacks without end is stopped", "[image][error]") {
  // Deflate, fixed codes: a zero, then copies of 258 bytes from distance 1 (codes 285 and 0:
  // 11000101 00000), 13 bits each: 300,000 of them are 77 million bytes in half a megabyte, for a
  // picture of one pixel.
  Bytes stream;
  rf::test::put(stream, {0x78, 0x01});
  int used = 0, current = 0;
  const auto bits = [&](int value, int count) {  // lowest bit first, as deflate packs them
    for (int i = 0; i < count; ++i) {
      current |= (value >> i & 1) << used;
      if (++used == 8) {
        stream.push_back(static_cast<std::byte>(current));
        current = used = 0;
      }
    }
  };
  bits(1, 1), bits(1, 2);  // last block, fixed codes
  bits(0b00001100, 8);     // literal 0 is 00110000, sent from its high bit
  for (int i = 0; i < 300'000; ++i) bits(0b10100011, 8), bits(0, 5);
  bits(0, 7), bits(0, 7);
  Bytes file;
  rf::test::put(file, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
  Bytes header;
  rf::test::put_be(header, 1, 4), rf::test::put_be(header, 1, 4);
  rf::test::put(header, {8, 2, 0, 0, 0});
  rf::test::put_all(file, rf::test::png_chunk("IHDR", header));
  rf::test::put_all(file, rf::test::png_chunk("IDAT", stream));
  rf::test::put_all(file, rf::test::png_chunk("IEND", {}));
  CHECK_THROWS_WITH(decode_image(file, "bomb.png"), Contains("unpacks to more than its size"));
}

TEST_CASE("image: files are read and written by name", "[image][error]") {
  const rf::test::TemporaryFolder folder;
  CHECK_THROWS_AS(rf::read_image(folder.file("missing.jpg")), rf::FileError);
  CHECK_THROWS_AS(rf::read_image(folder.path().string()), rf::FileError);
  const std::string path = folder.file("a.b/c.png");
  std::filesystem::create_directory(folder.file("a.b"));
  rf::write_image(path, small_picture(), rf::IfExists::refuse);
  CHECK(rf::read_image(path).rgb == small_picture().rgb);
  CHECK_THROWS_AS(rf::write_image(path, small_picture(), rf::IfExists::refuse), rf::FileError);
  rf::write_image(path, small_picture(), rf::IfExists::replace);
  for (const char* name : {"a.gif", "png", "a.b/c", "a.png.txt"}) {
    CHECK_THROWS_AS(rf::write_image(folder.file(name), small_picture(), rf::IfExists::refuse),
                    rf::UsageError);
  }
  CHECK_THROWS_AS(rf::write_image(folder.file("e.png"), Image{}, rf::IfExists::refuse),
                  rf::ShapeError);
  Image wide{65536, 1, std::vector<std::uint8_t>(3 * 65536)};
  CHECK_THROWS_WITH(rf::write_image(folder.file("wide.jpg"), wide, rf::IfExists::refuse),
                    Contains(".ppm"));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
    files += entry.is_regular_file();
  CHECK(files == 1);  // nothing half-written stays behind
}

TEST_CASE("image: photographs decode to the size in their labels", "[image][shared]") {
  const auto photo = rf::test::shared_file("data/photos/insightface_t1.jpg");
  if (!photo) return;
  const Image image = rf::read_image(photo->string());
  CHECK(image.width == 1280);
  CHECK(image.height == 886);
}

TEST_CASE("image: a JPEG in memory is the one that write_image writes", "[image]") {
  const std::vector<std::byte> jpeg = rf::encode_jpeg(small_picture());
  CHECK(jpeg == encoded(".jpg", small_picture()));
  const Image back = decode_image(jpeg, "memory");
  CHECK((back.width == 3 && back.height == 2));
  CHECK(rf::encode_jpeg(small_picture(), 30).size() < jpeg.size());
  CHECK_THROWS_AS(rf::encode_jpeg({}), rf::ShapeError);
  CHECK_THROWS_AS(rf::encode_jpeg({65536, 1, std::vector<std::uint8_t>(3 * 65536)}),
                  rf::ShapeError);
}
