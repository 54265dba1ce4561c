// What the network sees of a crop: colours and pixels.
#include "retinaface/data/augment.hpp"

#include <algorithm>
#include <cmath>

#include "retinaface/pipeline.hpp"
#include "tests/model_fixture.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

const InputConfig kInput{.order = ChannelOrder::bgr, .mean = {104, 117, 123}};
const AugmentOptions kPlain{.crop_min = 1, .crop_max = 1, .mirror = 0, .photometric = false};

// red = 2 x, green = 3 y, blue = 7.
Image ramps(Index width, Index height) {
  Image image{width, height, {}};
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      for (const Index value : {2 * x, 3 * y, Index{7}})
        image.rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

struct Sample {
  Tensor pixels;  // [3, S, S]
  PictureLabels labels;
  [[nodiscard]] float at(Index channel, Index y, Index x) const {
    const Index size = pixels.shape()[1];
    return pixels.data<float>()[(channel * size + y) * size + x];
  }
};

Sample sample(const Image& image, const PictureLabels& labels, Index size,
              const AugmentOptions& options, const InputConfig& input = kInput,
              std::uint64_t seed = 1) {
  Sample result{Tensor::empty({3, size, size}), {}};
  Random random(seed, RandomPurpose::test);
  result.labels = augment(image, labels, size, options, input, random,
                          {result.pixels.data<float>(), size, size * size});
  return result;
}

constexpr std::array<Point, 5> kPoints = {{{15, 15}, {25, 15}, {20, 20}, {16, 26}, {24, 26}}};

using Colour = std::array<float, 3>;

Colour mapped(const ColourMap& map, const Colour& colour) {
  Colour out{};
  for (std::size_t i = 0; i < 3; ++i) {
    out[i] = map.offset;
    for (std::size_t j = 0; j < 3; ++j) out[i] += map.matrix[i][j] * colour[j];
  }
  return out;
}

float luma(const Colour& c) { return 0.299F * c[0] + 0.587F * c[1] + 0.114F * c[2]; }

}  // namespace

TEST_CASE("colours: each of the four is on half of the time, within its range", "[augment]") {
  constexpr int kDraws = 4000;
  int brighter = 0, unchanged = 0, plain = 0;
  float darkest = 0, brightest = 0, least = 2, most = 0, farthest = 0;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    Random random(3, RandomPurpose::test, 0, i);
    const ColourMap map = random_colours(random);
    brighter += map.offset != 0;
    darkest = std::min(darkest, map.offset);
    brightest = std::max(brightest, map.offset);
    // Hue and saturation keep grey: what is left of it is the contrast, alike in every channel.
    const Colour grey = mapped({map.matrix, 0}, {1, 1, 1});
    REQUIRE(std::abs(grey[0] - grey[1]) < 1e-5F);
    REQUIRE(std::abs(grey[0] - grey[2]) < 1e-5F);
    unchanged += std::abs(grey[0] - 1) < 1e-5F;
    least = std::min(least, grey[0]);
    most = std::max(most, grey[0]);
    // Without contrast, red becomes s hue(red) + (1 - s) luma: nothing at all in a quarter.
    const Colour red = mapped({map.matrix, 0}, {1 / grey[0], 0, 0});
    plain += std::abs(red[0] - 1) < 1e-5F && std::abs(red[1]) < 1e-5F;
    // Its angle about the grey axis is the hue's, whatever the saturation.
    const float angle =
        std::atan2(std::sqrt(3.0F) * (red[1] - red[2]), 2 * red[0] - red[1] - red[2]);
    farthest = std::max(farthest, std::abs(angle) * 57.29578F);
  }
  const auto about = [](int count, int wanted) {
    return std::abs(count - wanted) < 130;
  };  // 4 sigma
  CHECK(about(brighter, kDraws / 2));
  CHECK(about(unchanged, kDraws / 2));
  CHECK(about(plain, kDraws / 4));
  CHECK((darkest < -31 && darkest >= -32 && brightest > 31 && brightest <= 32));
  CHECK((least < 0.51F && least >= 0.4999F && most > 1.49F && most <= 1.5001F));
  CHECK((farthest > 17.5F && farthest < 18.01F));
}

TEST_CASE("colours: without hue, saturation keeps the luma", "[augment]") {
  int checked = 0;
  for (std::uint32_t i = 0; i < 400; ++i) {
    Random random(4, RandomPurpose::test, 0, i);
    const ColourMap map = random_colours(random);
    const float contrast = mapped({map.matrix, 0}, {1, 1, 1})[0];
    const Colour red = mapped({map.matrix, 0}, {1, 0, 0});
    if (std::abs(red[1] - red[2]) > 1e-6F) continue;  // turned
    ++checked;
    const Colour colour = {200, 30, 90};
    CHECK(std::abs(luma(mapped(map, colour)) - map.offset - contrast * luma(colour)) < 2e-3F);
  }
  CHECK(checked > 150);
}

TEST_CASE("augment: pixels in the order of the network, minus the mean, scaled", "[augment]") {
  const Image image = ramps(40, 40);
  const Sample bgr = sample(image, {}, 40, kPlain);
  CHECK(bgr.at(0, 5, 30) == 7 - 104);
  CHECK(bgr.at(1, 5, 30) == 15 - 117);
  CHECK(bgr.at(2, 5, 30) == 60 - 123);
  const InputConfig rgb{.order = ChannelOrder::rgb, .mean = {10, 20, 30}, .scale = {1, 0.5, 2}};
  const Sample other = sample(image, {}, 40, kPlain, rgb);
  CHECK(other.at(0, 5, 30) == 60 - 10);
  CHECK(other.at(1, 5, 30) == (15 - 20) * 0.5F);
  CHECK(other.at(2, 5, 30) == (7 - 30) * 2);
}

TEST_CASE("augment: a picture and its labels are mirrored alike", "[augment]") {
  const Image image = ramps(40, 40);
  const PictureLabels labels{.faces = {{{4, 10, 12, 20}, {}}}, .ignored = {}};
  AugmentOptions options = kPlain;
  options.mirror = 1;
  const Sample plain = sample(image, labels, 40, kPlain),
               turned = sample(image, labels, 40, options);
  for (Index c = 0; c < 3; ++c) {
    for (Index y = 0; y < 40; ++y) {
      for (Index x = 0; x < 40; ++x) REQUIRE(turned.at(c, y, x) == plain.at(c, y, 39 - x));
    }
  }
  REQUIRE(turned.labels.faces.size() == 1);
  CHECK(turned.labels.faces[0].box.x1 == 28);
  CHECK(turned.labels.faces[0].box.x2 == 36);
}

TEST_CASE("augment: what lies outside of the picture is the mean colour", "[augment]") {
  AugmentOptions options = kPlain;
  options.crop_min = options.crop_max = 2;
  // Unscaled: 40 of 80 pixels either way are the picture.
  const Sample found = sample(ramps(40, 40), {}, 80, options);
  Index outside = 0;
  for (Index i = 0; i < 80 * 80; ++i) {
    const float blue = found.pixels.data<float>()[i];
    const bool mean = blue == 0 && found.pixels.data<float>()[80 * 80 + i] == 0 &&
                      found.pixels.data<float>()[2 * 80 * 80 + i] == 0;
    REQUIRE((mean || blue == 7 - 104));
    outside += mean;
  }
  CHECK(outside == 80 * 80 - 40 * 40);
}

TEST_CASE("augment: colours are limited to what a picture can hold", "[augment]") {
  AugmentOptions options = kPlain;
  options.photometric = true;
  bool changed = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Sample found = sample(ramps(40, 40), {}, 40, options, kInput, seed);
    const Tensor& pixels = found.pixels;
    for (Index c = 0; c < 3; ++c) {
      const auto mean = static_cast<float>(kInput.mean[static_cast<std::size_t>(c)]);
      for (Index i = 0; i < 1600; ++i) {
        const float value = pixels.data<float>()[c * 1600 + i] + mean;
        REQUIRE((value >= 0 && value <= 255));
      }
    }
    changed = changed || found.at(0, 20, 20) != 7 - 104;
  }
  CHECK(changed);
}

TEST_CASE("augment: a sample depends on its random numbers alone", "[augment]") {
  const Image image = ramps(100, 80);
  const PictureLabels labels{.faces = {{{30, 30, 60, 60}, {}}}, .ignored = {}};
  const auto bits = [&](std::uint64_t seed) {
    return sample(image, labels, 64, {}, kInput, seed).pixels;
  };
  const Tensor first = bits(1);
  CHECK(relative_error(bits(1), first) == 0);
  CHECK(relative_error(bits(2), first) > 0.01);
  const WithThreads limit(3);
  CHECK(relative_error(bits(1), first) == 0);
}

TEST_CASE("augment: a whole picture is what detection with a size WxH sees", "[augment]") {
  const TemporaryFolder folder;
  write_random_model(folder.file("model"));
  const Pipeline pipeline(folder.file("model"), {.score = 0.5F, .nms = {}, .size = "96x96"});
  for (const auto& [width, height] : {std::pair<Index, Index>{100, 80}, {60, 85}, {48, 48}}) {
    CAPTURE(width, height);
    AugmentOptions options;
    options.whole = true;
    const Image image = ramps(width, height);
    const Tensor wanted = pipeline.preprocess(image);
    const PictureLabels labels{.faces = {{{10, 10, 30, 30}, kPoints}}, .ignored = {}};
    const Sample found = sample(image, labels, 96, options);
    // The scaled picture ends between two pixels; where it ends, the two may differ.
    const double scale = 96 / static_cast<double>(std::max(width, height));
    const auto right = static_cast<Index>(static_cast<double>(width) * scale) - 1,
               bottom = static_cast<Index>(static_cast<double>(height) * scale) - 1;
    float worst = 0;
    for (Index c = 0; c < 3; ++c) {
      for (Index y = 0; y < 96; ++y) {
        for (Index x = 0; x < 96; ++x) {
          const bool inside = x < right && y<bottom, outside = x> right + 2 || y > bottom + 2;
          if (!inside && !outside) continue;
          const float theirs = wanted.data<float>()[(c * 96 + y) * 96 + x];
          worst = std::max(worst, std::abs(found.at(c, y, x) - theirs));
        }
      }
    }
    CHECK(worst <= 2);  // half a pixel of a slope of at most 3, and rounding
    REQUIRE(found.labels.faces.size() == 1);
    CHECK(std::abs(static_cast<double>(found.labels.faces[0].box.x2) - 30 * scale) < 1e-4);
    CHECK(found.labels.faces[0].landmarks);
  }
}

// 1 x 10^6 pixels: a square of 10^12 would be needed.
TEST_CASE("augment: a strip of pixels is taken whole without memory for its square", "[augment]") {
  if (kSanitized) return;
  Image strip{1'000'000, 1, std::vector<std::uint8_t>(3'000'000, 200)};
  AugmentOptions options;
  options.whole = true;
  const Sample found =
      sample(strip, {.faces = {{{0, 0, 500'000, 1}, {}}}, .ignored = {}}, 32, options);
  CHECK(found.at(0, 31, 31) == 0);
  REQUIRE(found.labels.faces.size() == 1);
  CHECK(found.labels.faces[0].box.x2 == 16);
}

}  // namespace rf::test
