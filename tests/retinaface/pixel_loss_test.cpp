#include "retinaface/dense/pixel_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/random.hpp"
#include "tests/noise_image.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

double level(const Image& image, Index x, Index y, Index c) {
  return image.rgb[static_cast<std::size_t>(3 * (y * image.width + x) + c)] / 255.0;
}

double at(const Tensor& t, Index i) { return static_cast<double>(t.data<float>()[i]); }

// A square of the plane z = 0, from -1 to 1, grey in `albedo`.
Tensor flat_square(double albedo) {
  const double a = albedo;
  return tensor({1, 4, 6},
                {-1, -1, 0, a, a, a, 1, -1, 0, a, a, a, 1, 1, 0, a, a, a, -1, 1, 0, a, a, a});
}

// Seen from 10 away it takes the middle half of the picture's width and height.
RenderedMeshes rendered_square(const Var& mesh, double away, Index size) {
  const std::vector<std::array<Index, 3>> triangles{{0, 1, 2}, {0, 2, 3}};
  return MeshRenderer(4, triangles)(mesh, Var(tensor({1, 7}, {0, 0, away, 0, 0, 0, 2.5})),
                                    Var(tensor({1, 9}, {0, 0, 5, 0, 0, 0, 0.5, 0.5, 0.5})), size);
}

}  // namespace

TEST_CASE("square pixels: a square of whole pixels is the picture's, exactly", "[pixel_loss]") {
  const Image image = noise_image(9, 7);
  const SquarePixels pixels = square_pixels(image, {.x = 2, .y = 1, .side = 4}, 4);
  REQUIRE(pixels.rgb.shape() == Shape{4, 4, 3});
  REQUIRE(pixels.inside.shape() == Shape{4, 4, 1});
  for (Index y = 0; y < 4; ++y) {
    for (Index x = 0; x < 4; ++x) {
      CHECK(at(pixels.inside, 4 * y + x) == 1);
      for (Index c = 0; c < 3; ++c)
        CHECK(at(pixels.rgb, 3 * (4 * y + x) + c) ==
              static_cast<double>(
                  static_cast<float>(
                      image.rgb[static_cast<std::size_t>(3 * ((y + 1) * 9 + x + 2) + c)]) /
                  255.0F));
    }
  }
}

TEST_CASE("square pixels: half the size is the mean of four, a third and a half of shares",
          "[pixel_loss]") {
  const Image image = noise_image(8, 8);
  const SquarePixels half = square_pixels(image, {.x = 1, .y = 2, .side = 6}, 3);
  for (Index y = 0; y < 3; ++y) {
    for (Index x = 0; x < 3; ++x) {
      for (Index c = 0; c < 3; ++c) {
        double mean = 0;
        for (Index k = 0; k < 4; ++k)
          mean += level(image, 1 + 2 * x + k % 2, 2 + 2 * y + k / 2, c) / 4;
        CHECK(at(half.rgb, 3 * (3 * y + x) + c) == Approx(mean).margin(1e-6));
      }
    }
  }
  // Pixels of 1.5: the second begins in the middle of the picture's second.
  const SquarePixels shares = square_pixels(image, {.x = 0, .y = 0, .side = 3}, 2);
  const auto row = [&](Index y, Index c) {
    return (0.5 * level(image, 1, y, c) + level(image, 2, y, c)) / 1.5;
  };
  for (Index c = 0; c < 3; ++c)
    CHECK(at(shares.rgb, 3 + c) == Approx((row(0, c) + 0.5 * row(1, c)) / 1.5).margin(1e-6));
}

TEST_CASE("square pixels: enlarged, a pixel lies between its neighbours", "[pixel_loss]") {
  Image image{2, 1, {0, 0, 0, 255, 255, 255}};
  const SquarePixels pixels = square_pixels(image, {.x = 0, .y = -0.5, .side = 2}, 8);
  for (Index x = 0; x < 8; ++x) {
    // The middle of pixel x is (x + 0.5) / 4; a window of one picture's pixel around it.
    const double middle = (static_cast<double>(x) + 0.5) / 4, low = std::max(middle - 0.5, 0.0),
                 high = std::min(middle + 0.5, 2.0);
    const double white = (high - std::clamp(1.0, low, high)) / (high - low);
    CHECK(at(pixels.rgb, 3 * (8 * 3 + x)) == Approx(white).margin(1e-6));
  }
}

TEST_CASE("square pixels: what is outside the picture is black and marked", "[pixel_loss]") {
  Image image{4, 4, std::vector<std::uint8_t>(48, 200)};
  const SquarePixels pixels = square_pixels(image, {.x = -2, .y = 1, .side = 8}, 8);
  for (Index y = 0; y < 8; ++y) {
    for (Index x = 0; x < 8; ++x) {
      const bool inside = x >= 2 && x < 6 && y < 3;
      CAPTURE(x, y);
      CHECK(at(pixels.inside, 8 * y + x) == (inside ? 1 : 0));
      CHECK(at(pixels.rgb, 3 * (8 * y + x) + 1) == Approx(inside ? 200 / 255.0 : 0).margin(1e-6));
    }
  }
  for (const SquareCrop& far : {SquareCrop{100, 100, 8},
                                {-1e300, 0, 1e300},
                                {1e308, 1e308, 1e308},
                                {-1e308, -1e308, 1e308},
                                {0, 1e15, 1e-300},
                                {-5, -5, 1e-9}}) {
    const SquarePixels none = square_pixels(image, far, 4);
    CHECK(same_bits(none.inside, Tensor::zeros({4, 4, 1})));
    CHECK(same_bits(none.rgb, Tensor::zeros({4, 4, 3})));
  }
}

TEST_CASE("square pixels: hostile squares and sizes are refused", "[pixel_loss][error]") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(),
                   kInfinity = std::numeric_limits<double>::infinity();
  const Image image = noise_image(4, 4);
  for (const SquareCrop& bad : {SquareCrop{kNan, 0, 4},
                                {0, kNan, 4},
                                {0, 0, kNan},
                                {kInfinity, 0, 4},
                                {0, -kInfinity, 4},
                                {0, 0, kInfinity},
                                {0, 0, 0},
                                {0, 0, -4}})
    check_refused([&] { (void)square_pixels(image, bad, 4); }, {"square_pixels", "a square at"});
  check_refused([&] { (void)square_pixels(image, {0, 0, 4}, 0); }, {"to 0 pixels"});
  check_refused([&] { (void)square_pixels(image, {0, 0, 4}, -3); }, {"to -3 pixels"});
  check_refused([&] { (void)square_pixels(Image{}, {0, 0, 4}, 4); }, {"0x0"});
}

TEST_CASE("square around a box: its middle, 1.4 times its longer side", "[pixel_loss]") {
  const SquareCrop square = square_around({10, 20, 30, 60});
  CHECK(square.side == Approx(56));
  CHECK(square.x == Approx(20 - 28));
  CHECK(square.y == Approx(40 - 28));
  CHECK(square_around({5, 5, 5, 5}).side == Approx(1.4));  // no face is smaller than a pixel
}

TEST_CASE("pixel loss: a flat square in flat light against a flat picture", "[pixel_loss]") {
  constexpr Index kSize = 16;
  Var mesh(flat_square(0.8));
  mesh.set_requires_grad(true);
  const RenderedMeshes rendered = rendered_square(mesh, 10, kSize);
  const auto ids = rendered.triangle.span<Index>();
  REQUIRE(std::count_if(ids.begin(), ids.end(), [](Index t) { return t >= 0; }) == 64);
  Tensor crops = Tensor::zeros({1, kSize, kSize, 3}), inside = Tensor::zeros({1, kSize, kSize, 1});
  for (Index p = 0; p < kSize * kSize; ++p) {
    inside.data<float>()[p] = 1;
    for (Index c = 0; c < 3; ++c)
      crops.data<float>()[3 * p + c] = static_cast<float>(0.1 * static_cast<double>(c));
  }
  // Colour 0.4 everywhere, against 0, 0.1, 0.2; the picture around it does not count.
  const Var loss = pixel_loss(rendered, crops, inside);
  CHECK(at(loss.value(), 0) == Approx(0.3).epsilon(1e-5));
  loss.backward();
  // Ambient light 0.5 times a third for each channel, over all vertices.
  double sum = 0;
  for (Index v = 0; v < 4; ++v) sum += at(mesh.grad(), 6 * v + 3);
  CHECK(sum == Approx(0.5 / 3).epsilon(1e-4));

  // Of the square's columns 4 to 11 only 4 and 5 are inside the picture.
  Tensor left = inside.clone();
  for (Index p = 0; p < kSize * kSize; ++p) {
    if (p % kSize >= 6) left.data<float>()[p] = 0;
    if (p % kSize < 5) crops.data<float>()[3 * p] = 1;  // difference 0.6 in place of 0.4
  }
  CHECK(at(pixel_loss(rendered, crops, left).value(), 0) ==
        Approx(((0.6 + 0.4) / 2 + 0.3 + 0.2) / 3).epsilon(1e-5));
}

TEST_CASE("pixel loss: a face that covers nothing counts 0, and the others as before",
          "[pixel_loss]") {
  constexpr Index kSize = 8;
  Var mesh(flat_square(0.8));
  mesh.set_requires_grad(true);
  const RenderedMeshes behind = rendered_square(mesh, -10, kSize);
  const Tensor crops = Tensor::zeros({1, kSize, kSize, 3});
  Tensor inside = Tensor::zeros({1, kSize, kSize, 1});
  std::ranges::fill(inside.span<float>(), 1.0F);
  const Var loss = pixel_loss(behind, crops, inside);
  CHECK(at(loss.value(), 0) == 0);
  loss.backward();
  for (const float g : mesh.grad().span<float>()) CHECK(g == 0);

  // By hand: face 0 covers two pixels that differ by 0.3 and 0.6 in one channel, face 1 none.
  Tensor ids = Tensor::empty({2, 1, 2}, DType::i64);
  const std::vector<Index> shown{4, 0, -1, -1};
  std::ranges::copy(shown, ids.data<Index>());
  const RenderedMeshes two{
      .colour = Var(tensor({2, 1, 2, 3}, {0.3, 0, 0, 0, 0, 0.6, 1, 1, 1, 1, 1, 1})),
      .triangle = ids,
      .clip = Var()};
  CHECK(at(pixel_loss(two, Tensor::zeros({2, 1, 2, 3}), tensor({2, 1, 2, 1}, {1, 1, 1, 1})).value(),
           0) == Approx(0.9 / 6 / 2));
  // Nothing is inside the picture.
  CHECK(at(pixel_loss(two, Tensor::zeros({2, 1, 2, 3}), Tensor::zeros({2, 1, 2, 1})).value(), 0) ==
        0);
}

TEST_CASE("pixel loss: same bits on any number of threads", "[pixel_loss]") {
  const Var mesh(flat_square(0.7));
  const Tensor crops =
      square_pixels(noise_image(40, 40), {0, 0, 40}, 32).rgb.reshaped({1, 32, 32, 3});
  Tensor inside = Tensor::zeros({1, 32, 32, 1});
  std::ranges::fill(inside.span<float>(), 1.0F);
  check_same_bits_on_any_threads(
      [&] { return pixel_loss(rendered_square(mesh, 9, 32), crops, inside).value(); });
}

TEST_CASE("pixel loss: crops of another shape are refused", "[pixel_loss][error]") {
  const RenderedMeshes rendered = rendered_square(Var(flat_square(0.8)), 10, 8);
  check_refused(
      [&] {
        (void)pixel_loss(rendered, Tensor::zeros({1, 8, 9, 3}), Tensor::zeros({1, 8, 8, 1}));
      },
      {"pixel_loss", "[1, 8, 9, 3]"});
  check_refused(
      [&] {
        (void)pixel_loss(rendered, Tensor::zeros({1, 8, 8, 3}), Tensor::zeros({1, 8, 8}));
      },
      {"pixel_loss", "[1, 8, 8]", "[1, 8, 8, 1]"});
}

}  // namespace rf::test
