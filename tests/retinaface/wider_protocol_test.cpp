// Cases small enough to work out on paper; docs/evaluation.md has the rules they follow.
#include "retinaface/evaluation/wider_protocol.hpp"

#include <catch2/catch.hpp>
#include <cmath>

namespace {

using rf::WiderBox;
using rf::WiderDetection;
using Detections = std::vector<std::vector<WiderDetection>>;

constexpr WiderBox kLeft{0, 0, 9, 9}, kRight{100, 0, 9, 9}, kNowhere{500, 500, 9, 9};

// Two images with three faces; `counted` says which of the three count.
rf::WiderGroundTruth two_images(std::uint8_t left, std::uint8_t right, std::uint8_t other) {
  rf::WiderGroundTruth truth;
  truth.images = {{"a/1", {kLeft, kRight}}, {"b/2", {kLeft}}};
  truth.subsets = {{"all", {{left, right}, {other}}}};
  return truth;
}

// By falling score: right, wrong, right, a second time on the first face, wrong. Normalised 1, 3/4,
// 1/2, 1/4, 0. In the files' order, which is not that of the scores.
const Detections kFive{{{kNowhere, 8}, {kLeft, 9}, {kLeft, 6}}, {{kLeft, 7}, {kNowhere, 5}}};

rf::WiderSubsetResult evaluate(const rf::WiderGroundTruth& truth, const Detections& detections,
                               const rf::WiderOptions& options = {}) {
  return rf::evaluate_wider(truth, detections, options).at(0);
}

bool close(double a, double b) { return std::abs(a - b) < 1e-12; }

}  // namespace

TEST_CASE("wider: a box of width w covers w + 1 pixels", "[wider]") {
  CHECK(close(rf::wider_iou(kLeft, kLeft), 1));
  CHECK(close(rf::wider_iou(kLeft, {5, 0, 9, 9}), 50.0 / 150));  // 36 / 126 without the + 1
  CHECK(close(rf::wider_iou(kLeft, {0, 0, 9, 19}), 100.0 / 200));
  CHECK(close(rf::wider_iou(kLeft, {9, 9, 9, 9}), 1.0 / 199));  // one pixel in common
  CHECK(rf::wider_iou(kLeft, {10, 0, 9, 9}) == 0);
  CHECK(rf::wider_iou(kLeft, {0, 0, 0, 0}) == 0.01);
}

TEST_CASE("wider: two images, three faces, five detections, by hand", "[wider]") {
  const rf::WiderSubsetResult result = evaluate(two_images(1, 1, 1), kFive);
  CHECK(result.faces == 3);
  // Precision at recall 1/3 is 1; the best at 2/3 is 2 of 3; recall 1 is never reached.
  CHECK(close(result.ap.at(0), 1.0 / 3 * 1 + 1.0 / 3 * 2 / 3));
}

TEST_CASE("wider: four thresholds of the normalised score see 2, 3, 4 and 5 detections",
          "[wider]") {
  const rf::WiderSubsetResult result = evaluate(two_images(1, 1, 1), kFive, {.thresholds = 4});
  const rf::PrecisionRecall& curve = result.curves.at(0);
  const std::vector<double> precision{1.0 / 2, 2.0 / 3, 2.0 / 4, 2.0 / 5},
      recall{1.0 / 3, 2.0 / 3, 2.0 / 3, 2.0 / 3};
  REQUIRE(curve.precision.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(close(curve.precision[i], precision[i]));
    CHECK(close(curve.recall[i], recall[i]));
  }
  CHECK(close(result.ap.at(0), 2.0 / 3 * 2 / 3));  // 2 of 3 is the best precision at any recall
}

TEST_CASE("wider: what lies on an ignored face neither helps nor hurts", "[wider]") {
  // Without both detections of the ignored face there are left: wrong, right, wrong.
  const rf::WiderSubsetResult result = evaluate(two_images(0, 1, 1), kFive);
  CHECK(result.faces == 2);
  CHECK(close(result.ap.at(0), 0.5 * 0.5));
}

TEST_CASE("wider: a detection belongs to the face it overlaps most, even if that one is taken",
          "[wider]") {
  rf::WiderGroundTruth truth;
  truth.images = {{"a/1", {kLeft, {2, 0, 9, 9}}}};  // they share 80 of 120 pixels
  truth.subsets = {{"all", {{1, 1}}}};
  CHECK(close(evaluate(truth, {{{kLeft, 2}, {kLeft, 1}}}).ap.at(0), 0.5));
  CHECK(close(evaluate(truth, {{{kLeft, 2}, {{2, 0, 9, 9}, 1}}}).ap.at(0), 1));
}

TEST_CASE("wider: an overlap of exactly the threshold is enough", "[wider]") {
  rf::WiderGroundTruth truth;
  truth.images = {{"a/1", {kLeft}}};
  truth.subsets = {{"all", {{1}}}};
  const auto result = evaluate(truth, {{{{0, 0, 9, 19}, 1}}}, {.iou = {0.5, 0.500001, 0.49}});
  CHECK(result.ap == std::vector<double>{1, 0, 1});
}

TEST_CASE("wider: images without annotated faces are skipped, but their scores still set the range",
          "[wider]") {
  rf::WiderGroundTruth truth = two_images(1, 1, 1);
  truth.images.push_back({"c/3", {}});
  truth.subsets[0].counted.emplace_back();
  Detections detections = kFive;
  detections.push_back({{kNowhere, 13}});  // normalised: 1; the others 1/2, 3/8, 1/4, 1/8, 0
  const auto result = evaluate(truth, detections, {.thresholds = 2});
  CHECK(close(result.ap.at(0), 1.0 / 3 * 1 + 1.0 / 3 * 2 / 5));
}

TEST_CASE("wider: one detection, equal scores, no detections, no faces: numbers, never NaN",
          "[wider]") {
  const rf::WiderGroundTruth truth = two_images(1, 1, 1);
  CHECK(close(evaluate(truth, {{{kLeft, 0.3}}, {}}).ap.at(0), 1.0 / 3));
  CHECK(close(evaluate(truth, {{{kLeft, 0.3}, {kNowhere, 0.3}}, {{kLeft, 0.3}}}).ap.at(0),
              2.0 / 3 * 2 / 3));
  for (const auto& result : {evaluate(truth, {{}, {}}), evaluate(two_images(0, 0, 0), kFive)}) {
    CHECK(result.ap.at(0) == 0);
    for (std::size_t i = 0; i < 1000; ++i) {
      CHECK_FALSE(std::isnan(result.curves.at(0).precision.at(i)));
      CHECK_FALSE(std::isnan(result.curves.at(0).recall.at(i)));
    }
  }
}

TEST_CASE("wider: average precision takes the best precision at any higher recall", "[wider]") {
  CHECK(rf::average_precision({{}, {}}) == 0);
  CHECK(close(rf::average_precision({{1, 0.5, 0.75}, {0.25, 0.5, 0.75}}), 0.25 * 1 + 0.5 * 0.75));
  CHECK(close(rf::average_precision({{0.2, 0.4}, {0, 1}}), 0.4));
}

TEST_CASE("wider: the ten IoU thresholds of COCO", "[wider]") {
  const std::vector<double> ious = rf::coco_iou_thresholds();
  REQUIRE(ious.size() == 10);
  CHECK(ious.front() == 0.5);
  CHECK(ious[5] == 0.75);
  CHECK(ious.back() == 0.95);
}
