#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "engine/random.hpp"
#include "retinaface/nms.hpp"

using rf::Box;
using rf::Index;

TEST_CASE("nms: intersection over union, by hand", "[nms]") {
  CHECK(rf::iou({0, 0, 10, 10}, {5, 0, 15, 10}, false) == Approx(50.0 / 150));
  CHECK(rf::iou({0, 0, 10, 10}, {0, 0, 10, 10}, false) == 1);
  CHECK(rf::iou({0, 0, 10, 10}, {10, 0, 20, 10}, false) == 0);
  CHECK(rf::iou({0, 0, 10, 10}, {20, 20, 30, 30}, false) == 0);
  CHECK(rf::iou({0, 0, 0, 0}, {0, 0, 0, 0}, false) == 0);  // empty union, no division by zero
  CHECK(rf::iou({0, 0, 9, 9}, {5, 0, 14, 9}, true) == Approx(50.0 / 150));
}

TEST_CASE("nms: the best of an overlapping pair stays, touching boxes both stay", "[nms]") {
  const std::vector<Box> boxes = {{0, 0, 10, 10}, {1, 1, 11, 11}, {10, 10, 20, 20}};
  const std::vector<float> scores = {0.6F, 0.9F, 0.7F};
  CHECK(rf::nms(boxes, scores, {.iou = 0.4}) == std::vector<Index>{1, 2});
}

TEST_CASE("nms: an overlap equal to the threshold does not suppress", "[nms]") {
  const std::vector<Box> boxes = {{0, 0, 2, 1}, {1, 0, 3, 1}};  // IoU 1/3
  const std::vector<float> scores = {0.9F, 0.8F};
  CHECK(rf::nms(boxes, scores, {.iou = 1.0 / 3}).size() == 2);
  CHECK(rf::nms(boxes, scores, {.iou = 0.333}).size() == 1);
}

TEST_CASE("nms: a box suppressed by another does not suppress a third", "[nms]") {
  const std::vector<Box> boxes = {{0, 0, 10, 10}, {4, 0, 14, 10}, {8, 0, 18, 10}};
  const std::vector<float> scores = {0.9F, 0.8F, 0.7F};
  CHECK(rf::nms(boxes, scores, {.iou = 0.4}) == std::vector<Index>{0, 2});
}

TEST_CASE("nms: equal scores keep their order, and running it again changes nothing",
          "[nms][property]") {
  rf::Random random(5, rf::RandomPurpose::test);
  std::vector<Box> boxes;
  std::vector<float> scores;
  for (int i = 0; i < 400; ++i) {
    const float x = random.uniform(0, 200), y = random.uniform(0, 200);
    boxes.push_back({x, y, x + random.uniform(1, 50), y + random.uniform(1, 50)});
    scores.push_back(static_cast<float>(random.below(8)) / 8);  // many ties
  }
  const std::vector<Index> kept = rf::nms(boxes, scores, {.iou = 0.3});
  std::vector<Box> kept_boxes;
  std::vector<float> kept_scores;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto k = static_cast<std::size_t>(kept[i]);
    if (i > 0) {
      const auto before = static_cast<std::size_t>(kept[i - 1]);
      CHECK((scores[before] > scores[k] || (scores[before] == scores[k] && before < k)));
    }
    kept_boxes.push_back(boxes[k]);
    kept_scores.push_back(scores[k]);
  }
  REQUIRE(kept.size() > 10);
  REQUIRE(kept.size() < 390);
  CHECK(rf::nms(kept_boxes, kept_scores, {.iou = 0.3}).size() == kept.size());
}

TEST_CASE("nms: keeps what a comparison of all pairs keeps", "[nms][property]") {
  rf::Random random(6, rf::RandomPurpose::test);
  std::vector<Box> boxes;
  std::vector<float> scores;
  for (int i = 0; i < 600; ++i) {  // from specks to most of the picture, some without area
    const float size = random.uniform(0, 1) * random.uniform(0, 1) * random.uniform(0, 400);
    const float x = random.uniform(-50, 500), y = random.uniform(-50, 300);
    const float height = i % 50 == 0 ? 0 : size * random.uniform(0.3F, 3);
    boxes.push_back({x, y, x + size, y + height});
    scores.push_back(random.uniform(0, 1));
  }
  const double threshold = GENERATE(0.0, 0.05, 0.4, 0.7, 1.0);
  const bool plus_one = GENERATE(false, true);
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
  std::vector<Index> expected;
  for (const std::size_t i : order) {
    const bool goes = std::any_of(expected.begin(), expected.end(), [&](Index kept) {
      return rf::iou(boxes[static_cast<std::size_t>(kept)], boxes[i], plus_one) > threshold;
    });
    if (!goes) expected.push_back(static_cast<Index>(i));
  }
  CAPTURE(threshold, plus_one);
  CHECK(rf::nms(boxes, scores, {.iou = threshold, .plus_one = plus_one}) == expected);
  CHECK((expected.size() > 20 || threshold < 0.05));
}

TEST_CASE("nms: no boxes, no faces", "[nms]") { CHECK(rf::nms({}, {}, {}).empty()); }
