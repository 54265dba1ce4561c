#include "retinaface/test_time.hpp"

#include <catch2/catch.hpp>

#include "engine/check.hpp"

using Catch::Detail::Approx;
using rf::Face;
using rf::ImageSize;
using rf::Point;
using rf::SizeRule;

namespace {

// A box with all points in its upper left corner.
Face face_at(float x1, float y1, float x2, float y2, float score) {
  const Point corner{x1, y1};
  return {x1, y1, x2, y2, score, {corner, corner, corner, corner, corner}};
}

}  // namespace

TEST_CASE("test_time: a mirrored face has its edges and its left and right points exchanged",
          "[test_time]") {
  const Face face{10, 20, 30, 50, 0.5F, {{{12, 25}, {28, 26}, {21, 33}, {14, 42}, {27, 43}}}};
  const Face other = rf::mirrored(face, 100);
  CHECK((other.x1 == 70 && other.x2 == 90 && other.y1 == 20 && other.y2 == 50));
  CHECK(other.score == 0.5F);
  const std::array<Point, 5> expected{{{72, 26}, {88, 25}, {79, 33}, {73, 43}, {86, 42}}};
  const Face back = rf::mirrored(other, 100);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK((other.landmarks[i].x == expected[i].x && other.landmarks[i].y == expected[i].y));
    CHECK((back.landmarks[i].x == face.landmarks[i].x));
  }
}

TEST_CASE("test_time: a winner becomes the mean of those that overlap it, weighted by score",
          "[test_time]") {
  // IoU of the first two: 8 / 12; the third is alone.
  const std::vector<Face> candidates{face_at(2, 0, 12, 10, 0.4F), face_at(0, 0, 10, 10, 0.8F),
                                     face_at(40, 0, 50, 10, 0.6F)};
  const auto voted = rf::merge_candidates(candidates, {.iou = 0.4}, 0.4);
  REQUIRE(voted.size() == 2);
  CHECK(voted[0].score == 0.8F);
  CHECK(voted[0].x1 == Approx(2 * 0.4 / 1.2));
  CHECK(voted[0].x2 == Approx((10 * 0.8 + 12 * 0.4) / 1.2));
  CHECK(voted[0].y2 == 10);
  CHECK(voted[0].landmarks[4].x == Approx(2 * 0.4 / 1.2));
  CHECK((voted[1].x1 == 40 && voted[1].x2 == 50 && voted[1].score == 0.6F));

  const auto winners = rf::merge_candidates(candidates, {.iou = 0.4}, std::nullopt);
  REQUIRE(winners.size() == 2);
  CHECK((winners[0].x1 == 0 && winners[0].x2 == 10));
}

TEST_CASE("test_time: an overlap equal to the voting threshold votes, one below does not",
          "[test_time]") {
  const std::vector<Face> candidates{face_at(0, 0, 3, 1, 0.5F),
                                     face_at(1, 0, 4, 1, 0.5F)};  // IoU 2/4
  CHECK(rf::merge_candidates(candidates, {.iou = 0.4}, 0.5)[0].x1 == Approx(0.5));
  CHECK(rf::merge_candidates(candidates, {.iou = 0.4}, 0.51)[0].x1 == 0);
}

TEST_CASE("test_time: a box between two winners votes for both", "[test_time]") {
  // IoU of neighbours 7 / 13, of the outer ones 4 / 16.
  const std::vector<Face> candidates{face_at(0, 0, 10, 10, 0.8F), face_at(3, 0, 13, 10, 0.4F),
                                     face_at(6, 0, 16, 10, 0.6F)};
  const auto voted = rf::merge_candidates(candidates, {.iou = 0.4}, 0.4);
  REQUIRE(voted.size() == 2);
  CHECK(voted[0].x1 == Approx((0 * 0.8 + 3 * 0.4) / 1.2));
  CHECK(voted[1].x1 == Approx((6 * 0.6 + 3 * 0.4) / 1.0));
}

TEST_CASE("test_time: scores of zero give no mean, and no division by zero", "[test_time]") {
  const std::vector<Face> candidates{face_at(1, 0, 11, 10, 0), face_at(2, 0, 12, 10, 0)};
  CHECK(rf::merge_candidates(candidates, {.iou = 0.4}, 0.4)[0].x1 == 1);
  CHECK(rf::merge_candidates({}, {.iou = 0.4}, 0.4).empty());
}

TEST_CASE("test_time: numbers are shorter sides, all else is a size rule", "[test_time]") {
  const std::vector<SizeRule> sizes = rf::parse_sizes("500,original,scale:2");
  REQUIRE(sizes.size() == 3);
  CHECK(sizes[0].scaled({2000, 1000}) == ImageSize{1000, 500});
  CHECK(sizes[1].scaled({2000, 1000}) == ImageSize{2000, 1000});
  CHECK(sizes[2].scaled({2000, 1000}) == ImageSize{4000, 2000});
  const char* text = GENERATE("", ",", "500,", "500,,800", "500;800", "0", "-5", "500, 800");
  CAPTURE(text);
  CHECK_THROWS_AS(rf::parse_sizes(text), rf::UsageError);
}

TEST_CASE("test_time: a pass keeps within its pixels", "[test_time]") {
  const auto scaled = [](const char* rule, ImageSize picture, rf::Index pixels) {
    const rf::NetworkSize size = rf::pass_size(SizeRule::parse(rule), picture, pixels);
    CHECK(size.canvas == size.scaled);
    return size.scaled;
  };
  CHECK(scaled("original", {4000, 3000}, 12'000'000) == ImageSize{4000, 3000});
  CHECK(scaled("original", {8000, 6000}, 12'000'000) == ImageSize{4000, 3000});
  CHECK(scaled("short:1700", {1000, 250}, 1'000'000) == ImageSize{2000, 500});
  CHECK(scaled("short:500", {1, 60'000}, 100) == ImageSize{1, 2449});  // a side is never 0
}

TEST_CASE("test_time: a face is taken from the passes that see it well, or from all if none does",
          "[test_time]") {
  const std::vector<rf::AnchorLevel> anchors{{8, 3.5, {16, 32}}, {32, 15.5, {256, 512}}};
  const rf::SideRange range = rf::good_sides(anchors);
  CHECK((range.low == 16 && range.high == 256));
  const std::vector<double> scales{0.5, 1, 4};
  const auto keeps = [&](double side) {
    std::string answer;
    for (std::size_t pass = 0; pass < scales.size(); ++pass)
      answer += rf::pass_keeps(side, scales, pass, range) ? 'y' : 'n';
    return answer;
  };
  CHECK(keeps(3) == "yyy");  // seen with 1.5, 3 and 12 pixels
  CHECK(keeps(4) == "nny");  // 2, 4, 16
  CHECK(keeps(32) == "yyy");
  CHECK(keeps(64) == "yyy");  // 32, 64, 256
  CHECK(keeps(65) == "yyn");
  CHECK(keeps(300) == "ynn");
  CHECK(keeps(513) == "yyy");
}
