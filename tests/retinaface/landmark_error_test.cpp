// Normalised mean error, by hand.
#include "retinaface/evaluation/landmark_error.hpp"

#include <catch2/catch.hpp>

using Catch::Detail::Approx;
using rf::Box;
using rf::Face;
using rf::LabelledFace;
using rf::Point;
using rf::PointErrors;

namespace {

Face face_at(const Box& box, float score = 0.9F) {
  return {box.x1, box.y1, box.x2, box.y2, score, {}};
}

std::optional<PointErrors> all(double error) {
  return PointErrors{error, error, error, error, error};
}

}  // namespace

TEST_CASE("landmark_error: distances are over the root of the labelled box's area",
          "[landmark_error]") {
  const std::array<Point, 5> labelled{{{0, 0}, {10, 0}, {5, 5}, {0, 10}, {10, 10}}};
  std::array<Point, 5> found = labelled;
  found[0] = {3, 4};    // 5 pixels away
  found[3] = {0, 7.5};  // 2.5
  // 50 x 8: the root of the area is 20.
  const PointErrors errors = rf::point_errors({-10, 3, 40, 11}, labelled, found);
  CHECK(errors == PointErrors{0.25, 0, 0, 0.125, 0});
  CHECK(rf::face_error(errors) == Approx(0.075));
}

TEST_CASE("landmark_error: each face takes its best detection, each detection serves one face",
          "[landmark_error]") {
  // Squares of 10; shifted by s to the right, IoU (10 - s) / (10 + s).
  const std::vector<LabelledFace> faces{{{0, 0, 10, 10}, {}}, {{4, 0, 14, 10}, {}}};
  // The first detection overlaps both faces (9/11 and 7/13), the second only the second face
  // (5/15).
  const std::vector<Face> detections{face_at({1, 0, 11, 10}), face_at({9, 0, 19, 10})};
  auto answers = rf::match_detections(faces, detections, 0.3);
  CHECK(answers[0] == 0U);
  CHECK(answers[1] == 1U);
  answers = rf::match_detections(faces, detections, 0.5);  // what is left is not good enough
  CHECK(answers[0] == 0U);
  CHECK_FALSE(answers[1].has_value());
  // A score decides nothing; of equal overlaps the first wins.
  const std::vector<Face> twins{face_at({1, 0, 11, 10}, 0.1F), face_at({1, 0, 11, 10}, 0.9F)};
  answers = rf::match_detections(faces, twins, 0.5);
  CHECK(answers[0] == 0U);
  CHECK(answers[1] == 1U);
  CHECK_FALSE(rf::match_detections(faces, {}, 0.5)[0].has_value());
}

TEST_CASE("landmark_error: faces that are missed fail, but have no error", "[landmark_error]") {
  const std::vector<std::optional<PointErrors>> results{all(0.02), std::nullopt, all(0.1), all(0.3),
                                                        PointErrors{0.01, 0.02, 0.03, 0.04, 0.05}};
  const rf::LandmarkSummary summary = rf::summarise(results, 0.1);
  CHECK(summary.faces == 5);
  CHECK(summary.missed == 1);
  CHECK(summary.face.mean == Approx((0.02 + 0.1 + 0.3 + 0.03) / 4));
  CHECK(summary.face.median == Approx((0.03 + 0.1) / 2));
  CHECK(summary.points[0].mean == Approx((0.02 + 0.1 + 0.3 + 0.01) / 4));
  CHECK(summary.points[4].median == Approx((0.05 + 0.1) / 2));
  CHECK(summary.failure_rate == Approx(2.0 / 5));  // the one missed, the one of 0.3; 0.1 is none
  // Under the steps up to 0.1: each face adds what is right of its error, 0.08, 0, 0 and 0.07.
  CHECK(summary.area == Approx((0.08 + 0.07) / 5 / 0.1));

  const rf::LandmarkSummary none = rf::summarise(std::vector<std::optional<PointErrors>>(3), 0.1);
  CHECK(none.missed == 3);
  CHECK(none.failure_rate == 1);
  CHECK(none.face.mean == 0);
  CHECK(rf::summarise({}, 0.1).faces == 0);
}

TEST_CASE("landmark_error: the cumulative distribution never counts a face that was missed",
          "[landmark_error]") {
  const std::vector<double> errors{0.3, 0.02, 0.1};
  CHECK(rf::share_within(errors, 4, 0.019) == 0);
  CHECK(rf::share_within(errors, 4, 0.02) == 0.25);
  CHECK(rf::share_within(errors, 4, 1) == 0.75);

  const rf::CumulativeErrors curve = rf::cumulative_errors(errors, 4, 0.2);
  CHECK(curve.x == std::vector<double>{0, 0.02, 0.02, 0.1, 0.1, 0.2});
  CHECK(curve.y == std::vector<double>{0, 0, 0.25, 0.25, 0.5, 0.5});
}
