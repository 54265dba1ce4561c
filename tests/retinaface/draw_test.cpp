#include "retinaface/draw.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

#include "engine/check.hpp"
#include "retinaface/canvas.hpp"

using rf::Face;
using rf::Image;
using rf::Index;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::array<rf::Point, 5> kNoLandmarks{
    {{kNan, kNan}, {kNan, kNan}, {kNan, kNan}, {kNan, kNan}, {kNan, kNan}}};

struct Pixel {
  int r, g, b;
  friend bool operator==(const Pixel&, const Pixel&) = default;
};
std::ostream& operator<<(std::ostream& out, const Pixel& p) {
  return out << p.r << ' ' << p.g << ' ' << p.b;
}

Pixel pixel(const Image& image, Index x, Index y) {
  const auto at = static_cast<std::size_t>(3 * (y * image.width + x));
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

constexpr Pixel kGround{100, 100, 100};

Image ground(Index width, Index height) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 100)};
}

constexpr rf::DrawOptions kOnlyBoxes{.landmarks = false, .scores = false, .colour_bar = false};

Face box(float x1, float y1, float x2, float y2, float score) {
  return {x1, y1, x2, y2, score, kNoLandmarks};
}

Index changed_pixels(const Image& a, const Image& b) {
  Index count = 0;
  for (std::size_t i = 0; i < a.rgb.size(); i += 3)
    count += !std::equal(&a.rgb[i], &a.rgb[i] + 3, &b.rgb[i]);
  return count;
}

}  // namespace

TEST_CASE("draw: without faces the picture stays as it is, the colour bar stands beside it",
          "[draw]") {
  const Image image = ground(300, 200);
  CHECK(rf::draw_faces(image, {}, kOnlyBoxes).rgb == image.rgb);
  const Image with_bar = rf::draw_faces(image, {});
  REQUIRE(with_bar.height == 200);
  REQUIRE(with_bar.width > 300);
  for (Index y = 0; y < 200; ++y) {
    for (Index x = 0; x < 300; ++x) REQUIRE(pixel(with_bar, x, y) == kGround);
  }
  // Somewhere in the strip it is blue below and red above.
  const auto strip_has = [&](Index from, Index to, auto&& test) {
    for (Index y = from; y < to; ++y) {
      for (Index x = 300; x < with_bar.width; ++x) {
        if (test(pixel(with_bar, x, y))) return true;
      }
    }
    return false;
  };
  const auto red = [](Pixel p) { return p.r > 200 && p.g < 100 && p.b < 100; };
  const auto blue = [](Pixel p) { return p.b > 200 && p.r < 120 && p.g < 160; };
  CHECK(strip_has(0, 100, red));
  CHECK_FALSE(strip_has(100, 200, red));
  CHECK(strip_has(100, 200, blue));
  CHECK_FALSE(strip_has(0, 100, blue));
}

TEST_CASE("draw: a small picture gets no colour bar", "[draw]") {
  CHECK(rf::draw_faces(ground(300, 119), {}).width == 300);
  CHECK(rf::draw_faces(ground(1, 1), std::vector{box(0, 0, 1, 1, 1)}).width == 1);
}

TEST_CASE("draw: a box is a line along its edges, in the colour of its score", "[draw]") {
  const Image image = ground(400, 300);
  const Image sure = rf::draw_faces(image, std::vector{box(100, 80, 260, 240, 1.0F)}, kOnlyBoxes);
  for (const auto& [x, y] :
       {std::pair<Index, Index>{100, 160}, {259, 160}, {180, 80}, {180, 239}}) {
    CAPTURE(x, y);
    CHECK(pixel(sure, x, y).r > 180);
    CHECK(pixel(sure, x, y).b < 100);
  }
  CHECK(pixel(sure, 180, 160) == kGround);  // inside
  CHECK(pixel(sure, 90, 160) == kGround);   // outside
  CHECK(pixel(sure, 180, 250) == kGround);
  const Image unsure = rf::draw_faces(image, std::vector{box(100, 80, 260, 240, 0.5F)}, kOnlyBoxes);
  CHECK(pixel(unsure, 100, 160).b > 180);
  CHECK(pixel(unsure, 100, 160).r < 120);
  // The ends of the scale are options; scores beyond them take the colour of the end.
  rf::DrawOptions wide = kOnlyBoxes;
  wide.low = 0;
  const Image middle = rf::draw_faces(image, std::vector{box(100, 80, 260, 240, 0.5F)}, wide);
  CHECK(pixel(middle, 100, 160).g > 150);
  const Image below = rf::draw_faces(image, std::vector{box(100, 80, 260, 240, 0.1F)}, kOnlyBoxes);
  CHECK(below.rgb == unsure.rgb);
}

TEST_CASE("draw: of two faces the surer lies on top, in whatever order they come", "[draw]") {
  const Image image = ground(400, 300);
  const Face low = box(100, 80, 260, 240, 0.5F), high = box(100, 80, 260, 240, 1.0F);
  const Image a = rf::draw_faces(image, std::vector{low, high}, kOnlyBoxes);
  CHECK(a.rgb == rf::draw_faces(image, std::vector{high, low}, kOnlyBoxes).rgb);
  CHECK(pixel(a, 100, 160).r > 180);
}

TEST_CASE("draw: five landmarks in five colours, none on a tiny face", "[draw]") {
  const Image image = ground(400, 300);
  Face face = box(100, 80, 260, 240, 1);
  face.landmarks = {{{140, 130}, {220, 130}, {180, 160}, {150, 200}, {210, 200}}};
  rf::DrawOptions options = kOnlyBoxes;
  options.landmarks = true;
  const Image drawn = rf::draw_faces(image, std::vector{face}, options);
  std::vector<Pixel> colours;
  for (const rf::Point p : face.landmarks) {
    const Pixel here = pixel(drawn, static_cast<Index>(p.x), static_cast<Index>(p.y));
    CHECK_FALSE(here == kGround);
    CHECK(std::count(colours.begin(), colours.end(), here) == 0);
    colours.push_back(here);
  }
  // A landmark that is not finite is left out, the others stay.
  face.landmarks[2].x = kNan;
  const Image without_nose = rf::draw_faces(image, std::vector{face}, options);
  CHECK(pixel(without_nose, 180, 160) == kGround);
  CHECK_FALSE(pixel(without_nose, 140, 130) == kGround);
  Face tiny = box(100, 80, 110, 91, 1);
  tiny.landmarks.fill({105, 85});
  CHECK(pixel(rf::draw_faces(image, std::vector{tiny}, options), 105, 85) == kGround);
}

TEST_CASE("draw: the score stands over a face that is wide enough for it", "[draw]") {
  const Image image = ground(400, 300);
  rf::DrawOptions options = kOnlyBoxes;
  options.scores = true;
  const auto added = [&](const Face& face) {
    return changed_pixels(rf::draw_faces(image, std::vector{face}, kOnlyBoxes),
                          rf::draw_faces(image, std::vector{face}, options));
  };
  CHECK(added(box(100, 80, 160, 140, 0.9F)) > 100);
  CHECK(added(box(100, 80, 115, 95, 0.9F)) == 0);
  // Another score, another text.
  CHECK_FALSE(rf::draw_faces(image, std::vector{box(100, 80, 160, 140, 0.512F)}, options).rgb ==
              rf::draw_faces(image, std::vector{box(100, 80, 160, 140, 0.534F)}, options).rgb);
  // No room above: the text moves into the picture instead of vanishing.
  CHECK(added(box(100, 0, 160, 60, 0.9F)) > 100);
}

TEST_CASE("draw: boxes outside, endless and not finite harm nothing", "[draw][error]") {
  const Image image = ground(200, 150);
  const std::vector<Face> outside{box(-500, -500, -400, -400, 1), box(1e30F, 0, 2e30F, 50, 1),
                                  box(300, 20, 400, 60, 1)};
  CHECK(rf::draw_faces(image, outside, kOnlyBoxes).rgb == image.rgb);
  const std::vector<Face> broken{box(kNan, 0, 50, 50, 1), box(0, 0, kInfinity, 50, 1),
                                 box(-kInfinity, kNan, 3, 3, kNan)};
  CHECK(rf::draw_faces(image, broken, {.colour_bar = false}).rgb == image.rgb);
  // Finite, however large: edges inside the picture are drawn.
  const Image large = rf::draw_faces(image, std::vector{box(-3e38F, 75, 3e38F, 3e38F, kNan)},
                                     {.colour_bar = false});
  CHECK_FALSE(pixel(large, 100, 75) == kGround);
  CHECK(pixel(large, 100, 20) == kGround);
  // Corners in the wrong order mean the same box.
  CHECK(rf::draw_faces(image, std::vector{box(90, 80, 20, 30, 1)}, kOnlyBoxes).rgb ==
        rf::draw_faces(image, std::vector{box(20, 30, 90, 80, 1)}, kOnlyBoxes).rgb);
  Face far = box(20, 20, 120, 120, 1);
  far.landmarks = {{{-1e30F, 5}, {1e30F, 1e30F}, {kInfinity, 0}, {-3, -3}, {199.9F, 149.9F}}};
  CHECK(rf::draw_faces(image, std::vector{far}).height == 150);
}

TEST_CASE("draw: a crowd of tiny faces keeps most of the picture", "[draw][property]") {
  const Image image = ground(640, 480);
  std::vector<Face> crowd;
  for (int i = 0; i < 900; ++i) {
    const auto x = static_cast<float>(i % 30 * 21), y = static_cast<float>(i / 30 * 16);
    crowd.push_back(box(x + 2, y + 2, x + 12, y + 13, 0.5F + static_cast<float>(i) / 1800));
  }
  const Image drawn = rf::draw_faces(image, crowd, {.colour_bar = false});
  // Each box may cover two rings of pixels, 80 of its 110 and some around; the inside of every face
  // is untouched.
  for (const Face& face : crowd) {
    REQUIRE(pixel(drawn, static_cast<Index>(face.x1) + 5, static_cast<Index>(face.y1) + 5) ==
            kGround);
  }
  CHECK(changed_pixels(image, drawn) > 900 * 30);
}

TEST_CASE("draw: refuses an empty picture and a colour scale without extent", "[draw][error]") {
  CHECK_THROWS_AS(rf::draw_faces(Image{}, {}), rf::ShapeError);
  CHECK_THROWS_WITH(rf::draw_faces(ground(8, 8), {}, {.low = 0.7F, .high = 0.7F}),
                    Catch::Contains("0.7 to 0.7"));
  CHECK_THROWS_AS(rf::draw_faces(ground(8, 8), {}, {.low = kNan}), rf::ShapeError);
}

TEST_CASE("draw: each pixel of an outline is blended once, however narrow the box",
          "[draw][golden]") {
  // Black at half strength over 100 is 50 on the line, and twice as strong it would be 25.
  for (const double width : {2.0, 3.0, 6.0, 9.0, 60.0}) {
    Image image = ground(100, 100);
    rf::Canvas(image).outline({20, 10, 20 + width, 90}, 0, 2, {0, 0, 0}, 0.5);
    CAPTURE(width);
    CHECK(pixel(image, 20, 50) ==
          Pixel{50, 50, 50});  // centre half a pixel inside the edge, line one pixel to each side
    CHECK(*std::min_element(image.rgb.begin(), image.rgb.end()) == 50);
  }
}
