#include "retinaface/dense/seen_colours.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/check.hpp"
#include "retinaface/dense/five_point_pose.hpp"
#include "retinaface/dense/picture_points.hpp"
#include "retinaface/nms.hpp"
#include "tests/noise_image.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

const std::vector<Index> kFive{0, 1, 2, 3, 4};

// Five landmarks of a face 10 cm wide, and two more vertices.
Tensor mean_face() {
  return tensor({7, 6}, {-3, 3, 0, 0, 0,  0, 3, 3, 0, 0, 0, 0, 0, 0, 3, 0, 0,  0, -3, -3, 0,
                         0,  0, 0, 3, -3, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1, -2, 2, 0,  0,  0});
}

// Upright, its points where that mesh's would be from the front.
Face face_at(double x, double y, double cm) {
  const auto point = [&](double dx, double dy) {
    return Point{static_cast<float>(x + dx * cm), static_cast<float>(y + dy * cm)};
  };
  const Point low = point(-5, -6), high = point(5, 6);
  return {low.x,  low.y, high.x,
          high.y, 0.9F,  {{point(-3, -3), point(3, -3), point(0, 0), point(-3, 3), point(3, 3)}}};
}

// Red rises with the column, green with the row.
Image ramp(Index side) {
  Image image{side, side, {}};
  for (Index y = 0; y < side; ++y) {
    for (Index x = 0; x < side; ++x) {
      image.rgb.push_back(static_cast<std::uint8_t>(x));
      image.rgb.push_back(static_cast<std::uint8_t>(y));
      image.rgb.push_back(static_cast<std::uint8_t>(40));
    }
  }
  return image;
}

double at(const Tensor& t, Index i) { return static_cast<double>(t.data<float>()[i]); }

}  // namespace

TEST_CASE("seen colours: a picture's colours where the posed mean face's vertices are",
          "[seen_colours]") {
  const Image picture = ramp(250);
  const SeenColours seen(mean_face(), kFive, 7);
  REQUIRE(seen.count() == 7);
  for (const double cm : {3.0, 5.5, 9.0}) {
    const Face face = face_at(120, 130, cm);
    const Tensor colours = seen(picture, face);
    REQUIRE(colours.shape() == Shape{21});
    const SquareCrop square = square_around(face_box(face));
    const Tensor camera =
        five_point_camera(five_places(mean_face(), kFive), face.landmarks, square);
    const Tensor points = picture_points(mean_face(), camera, square);
    for (Index v = 0; v < 7; ++v) {
      // The middle of column x has the colour x; means over parts of columns are off by a little.
      CAPTURE(cm, v);
      CHECK(255 * at(colours, 3 * v) == Approx(at(points, 3 * v) - 0.5).margin(0.15));
      CHECK(255 * at(colours, 3 * v + 1) == Approx(at(points, 3 * v + 1) - 0.5).margin(0.15));
      CHECK(255 * at(colours, 3 * v + 2) == Approx(40));
    }
  }
}

TEST_CASE("seen colours: fewer vertices are spread evenly over the numbers", "[seen_colours]") {
  const Image picture = noise_image(90, 90);
  const Face face = face_at(45, 45, 3);
  const Tensor all = SeenColours(mean_face(), kFive, 7)(picture, face);
  const Tensor three = SeenColours(mean_face(), kFive, 3)(picture, face);
  REQUIRE(three.shape() == Shape{9});
  for (Index i = 0; i < 3; ++i) {
    for (Index c = 0; c < 3; ++c) CHECK(at(three, 3 * i + c) == at(all, 3 * (i * 7 / 3) + c));
  }
}

TEST_CASE("seen colours: large faces are averaged, and nothing is seen outside of the picture",
          "[seen_colours]") {
  Image board{900, 900, {}};
  for (Index i = 0; i < 900 * 900; ++i) {
    const auto level = static_cast<std::uint8_t>((i / 900 + i % 900) % 2 == 0 ? 0 : 200);
    board.rgb.insert(board.rgb.end(), {level, level, level});
  }
  const SeenColours seen(mean_face(), kFive, 7);
  const Tensor inside = seen(board, face_at(450, 450, 45));
  for (const float x : inside.span<float>()) CHECK(x == Approx(100.0 / 255).margin(0.03));
  const Tensor outside = seen(board, face_at(-5000, 450, 45));
  for (const float x : outside.span<float>()) CHECK(x == 0);
  Face wild = face_at(450, 450, 45);
  wild.landmarks[2] = {std::nanf(""), INFINITY};
  const Tensor of_wild = seen(board, wild);
  for (const float x : of_wild.span<float>()) CHECK((x >= 0 && x <= 1));
}

TEST_CASE("seen colours: they come after the other features of each face", "[seen_colours]") {
  const Image picture = noise_image(200, 90);
  const FaceColumns faces{.faces = {face_at(45, 45, 3), face_at(140, 40, 2)},
                          .groups = {1, 0},
                          .features = random_tensor({2, 4}, 1)};
  const SeenColours seen(mean_face(), kFive, 2);
  const FaceColumns wider = seen.added_to(faces, picture);
  CHECK(wider.groups == faces.groups);
  REQUIRE(wider.features.shape() == Shape{2, 4 + 6});
  for (Index i = 0; i < 2; ++i) {
    const Tensor colours = seen(picture, faces.faces[static_cast<std::size_t>(i)]);
    for (Index k = 0; k < 4; ++k)
      CHECK(at(wider.features, 10 * i + k) == at(faces.features, 4 * i + k));
    for (Index k = 0; k < 6; ++k) CHECK(at(wider.features, 10 * i + 4 + k) == at(colours, k));
  }
  const FaceColumns none{.faces = {}, .groups = {}, .features = Tensor::zeros({0, 4})};
  CHECK(seen.added_to(none, picture).features.shape() == Shape{0, 10});
  const SeenColours nothing(mean_face(), kFive, 0);
  CHECK(same_bits(nothing.added_to(faces, picture).features, faces.features));
  CHECK(nothing(picture, faces.faces[0]).numel() == 0);
}

TEST_CASE("seen colours: more vertices than the mesh has are refused", "[seen_colours][error]") {
  for (const Index count : {-1, 8})
    check_refused<UsageError>([&] { const SeenColours seen(mean_face(), kFive, count); },
                              {"0 to 7 are possible"});
  const SeenColours seen(mean_face(), kFive, 7);
  CHECK_THROWS_AS(seen(Image{}, face_at(45, 45, 3)), ShapeError);
}

}  // namespace rf::test
