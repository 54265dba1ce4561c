// Which labels a crop keeps, and where it puts them.
#include <cmath>

#include "retinaface/data/augment.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

constexpr ImageSize kPicture{100, 80};

PictureLabels one_face(const Box& box) { return {.faces = {{box, {}}}, .ignored = {}}; }

void check_box(const Box& box, const Box& wanted) {
  CHECK(std::array{box.x1, box.y1, box.x2, box.y2} ==
        std::array{wanted.x1, wanted.y1, wanted.x2, wanted.y2});
}

// The five points of a face whose left eye, seen in the picture, is at (x, y).
std::array<Point, 5> points_at(float x, float y) {
  return {{{x, y}, {x + 8, y}, {x + 4, y + 4}, {x + 1, y + 8}, {x + 7, y + 8}}};
}

}  // namespace

TEST_CASE("crop labels: a face whose centre is inside stays, scaled and cut", "[augment]") {
  // 40 pixels from (20, 10) become 80.
  const Crop crop{20, 10, 40};
  PictureLabels out = crop_labels(one_face({30, 20, 50, 40}), kPicture, crop, 80, 0);
  REQUIRE(out.faces.size() == 1);
  check_box(out.faces[0].box, {20, 20, 60, 60});
  // Centre (22, 30): inside by two pixels; half of it is cut off.
  out = crop_labels(one_face({12, 20, 32, 40}), kPicture, crop, 80, 0);
  REQUIRE(out.faces.size() == 1);
  check_box(out.faces[0].box, {0, 20, 24, 60});
  // The centre on the left edge is inside, on the right edge outside: x = 20 and x = 60.
  CHECK(crop_labels(one_face({10, 20, 30, 40}), kPicture, crop, 80, 0).faces.size() == 1);
  out = crop_labels(one_face({50, 20, 70, 40}), kPicture, crop, 80, 0);
  CHECK(out.faces.empty());
  // What is visible of a face that does not stay is ignored.
  REQUIRE(out.ignored.size() == 1);
  check_box(out.ignored[0], {60, 20, 80, 60});
  // Of one that only touches the crop nothing is.
  out = crop_labels(one_face({60, 20, 70, 40}), kPicture, crop, 80, 0);
  CHECK(out.faces.empty());
  CHECK(out.ignored.empty());
}

TEST_CASE("crop labels: a box is cut to the picture too, where the crop reaches out", "[augment]") {
  const Crop crop{-10, -20, 200};  // one pixel stays one pixel
  const PictureLabels out = crop_labels(one_face({-5, 70, 25, 90}), kPicture, crop, 200, 0);
  REQUIRE(out.faces.size() == 1);
  check_box(out.faces[0].box, {10, 90, 35, 100});
}

TEST_CASE("crop labels: landmarks stay if all five are inside", "[augment]") {
  const Crop crop{20, 10, 40};
  PictureLabels labels = one_face({20, 10, 40, 30});
  const auto kept = [&](float x, float y, const Crop& within) {
    labels.faces[0].landmarks = points_at(x, y);
    const PictureLabels out = crop_labels(labels, kPicture, within, 80, 0);
    REQUIRE(out.faces.size() == 1);
    return out.faces[0].landmarks;
  };
  const auto inside = kept(24, 14, crop);
  REQUIRE(inside);
  CHECK((*inside)[0].x == 8);
  CHECK((*inside)[0].y == 8);
  CHECK((*inside)[4].x == 22);
  CHECK((*inside)[4].y == 24);
  CHECK(kept(20, 10, crop));           // the left eye in the corner
  CHECK_FALSE(kept(19.5F, 10, crop));  // and half a pixel outside
  CHECK_FALSE(kept(24, 42, crop));     // the mouth on the lower edge
  // Inside the crop, but outside the picture.
  labels.faces[0].box = {85, 10, 99, 30};
  CHECK(kept(91, 12, {40, 0, 80}));
  CHECK_FALSE(kept(92, 12, {40, 0, 80}));
}

TEST_CASE("crop labels: mirrored, left and right change places", "[augment]") {
  PictureLabels labels = one_face({30, 20, 50, 40});
  labels.faces[0].landmarks = points_at(34, 24);
  labels.ignored = {{20, 10, 25, 12}};
  const PictureLabels out = crop_labels(labels, kPicture, {20, 10, 40, /*mirrored=*/true}, 80, 0);
  REQUIRE(out.faces.size() == 1);
  // Of the 80 pixels, 20 .. 60 is 80 - 60 .. 80 - 20, which looks the same; the ignored box does
  // not.
  check_box(out.faces[0].box, {20, 20, 60, 60});
  REQUIRE(out.ignored.size() == 1);
  check_box(out.ignored[0], {70, 0, 80, 4});
  REQUIRE(out.faces[0].landmarks);
  // Unmirrored: eyes at x 28 and 44, nose 36, mouth 30 and 42; y 28, 36, 44.
  const std::array<Point, 5> wanted = {{{36, 28}, {52, 28}, {44, 36}, {38, 44}, {50, 44}}};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK((*out.faces[0].landmarks)[i].x == wanted[i].x);
    CHECK((*out.faces[0].landmarks)[i].y == wanted[i].y);
  }
}

TEST_CASE("crop labels: faces below the smallest size are ignored, by what is visible",
          "[augment]") {
  const Crop crop{20, 10, 40};  // doubled
  // 20 x 5 pixels are 40 x 10: sqrt(400) = 20.
  const PictureLabels flat = one_face({30, 20, 50, 25});
  CHECK(crop_labels(flat, kPicture, crop, 80, 20).faces.size() == 1);
  const PictureLabels out = crop_labels(flat, kPicture, crop, 80, 20.1);
  CHECK(out.faces.empty());
  REQUIRE(out.ignored.size() == 1);
  check_box(out.ignored[0], {20, 20, 60, 30});
  // 40 x 40, of which 24 x 24 are visible.
  const PictureLabels cut = one_face({12, 2, 32, 22});
  CHECK(crop_labels(cut, kPicture, crop, 80, 24).faces.size() == 1);
  CHECK(crop_labels(cut, kPicture, crop, 80, 24.1).faces.empty());
}

TEST_CASE("crop labels: ignored regions are cut and stay ignored", "[augment]") {
  const PictureLabels labels{.faces = {}, .ignored = {{0, 0, 100, 80}, {0, 0, 20, 80}}};
  const PictureLabels out = crop_labels(labels, kPicture, {20, 10, 40}, 80, 50);
  REQUIRE(out.ignored.size() == 1);
  check_box(out.ignored[0], {0, 0, 80, 80});
}

TEST_CASE("random crop: its side and place keep to their ranges, and reach the ends", "[augment]") {
  Random random(5, RandomPurpose::test);
  Index smallest = 1000, largest = 0, leftmost = 1000, rightmost = 0, lowest = 0;
  for (int i = 0; i < 4000; ++i) {
    const Crop crop = random_crop(kPicture, {}, {}, random);
    REQUIRE((crop.side >= 24 && crop.side <= 80));  // 0.3 and 1 of 80
    REQUIRE((crop.x >= 0 && crop.x + crop.side <= 100));
    REQUIRE((crop.y >= 0 && crop.y + crop.side <= 80));
    CHECK_FALSE(crop.mirrored);
    smallest = std::min(smallest, crop.side);
    largest = std::max(largest, crop.side);
    leftmost = std::min(leftmost, crop.x);
    rightmost = std::max(rightmost, crop.x + crop.side);
    lowest = std::max(lowest, crop.y + crop.side);
  }
  CHECK((smallest <= 25 && largest >= 79 && leftmost == 0 && rightmost == 100 && lowest == 80));
}

TEST_CASE("random crop: a larger one holds the whole of a side that is shorter", "[augment]") {
  Random random(6, RandomPurpose::test);
  bool beyond_left = false, beyond_right = false;
  for (int i = 0; i < 500; ++i) {
    const Crop crop = random_crop(kPicture, {}, {.crop_min = 1.2, .crop_max = 2}, random);
    REQUIRE((crop.side >= 96 && crop.side <= 160));
    REQUIRE((crop.y <= 0 && crop.y + crop.side >= 80));
    if (crop.side >= 100) {
      REQUIRE((crop.x <= 0 && crop.x + crop.side >= 100));
      beyond_left = beyond_left || crop.x < 0;
      beyond_right = beyond_right || crop.x + crop.side > 100;
    } else {
      REQUIRE((crop.x >= 0 && crop.x + crop.side <= 100));
    }
  }
  CHECK((beyond_left && beyond_right));
  // The whole of a picture of one pixel.
  const Crop crop = random_crop({1, 1}, {}, {}, random);
  CHECK((crop.x == 0 && crop.y == 0 && crop.side == 1));
}

TEST_CASE("random crop: holds the centre of a face, if any crop can", "[augment]") {
  const PictureLabels labels = one_face({60, 40, 80, 60});  // centre (70, 50)
  Random random(7, RandomPurpose::test), unmoved(7, RandomPurpose::test);
  int by_chance = 0;
  for (int i = 0; i < 300; ++i) {
    const auto holds = [](const Crop& crop) {
      return crop.x <= 70 && 70 < crop.x + crop.side && crop.y <= 50 && 50 < crop.y + crop.side;
    };
    CHECK(holds(random_crop(kPicture, labels, {}, random)));
    by_chance += holds(random_crop(kPicture, {}, {}, unmoved));
  }
  CHECK((by_chance > 50 && by_chance < 250));
  // A face beyond the picture's edge is in no crop: the first one will do.
  Random once(8, RandomPurpose::test), again(8, RandomPurpose::test);
  const Crop first = random_crop(kPicture, {}, {}, once);
  const Crop found = random_crop(kPicture, one_face({200, 10, 220, 30}), {}, again);
  CHECK((first.x == found.x && first.y == found.y && first.side == found.side));
}

}  // namespace rf::test
