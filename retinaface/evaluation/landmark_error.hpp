// How far the five landmarks are from where they should be (RetinaFace section 4.5):
// normalised mean error, its cumulative distribution, failure rate.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "retinaface/matching.hpp"

namespace rf {

// Of each point: its distance from the label over sqrt(w h) of the labelled box.
using PointErrors = std::array<double, 5>;

// Requires a labelled box with an area.
[[nodiscard]] PointErrors point_errors(const Box& labelled_box,
                                       const std::array<Point, 5>& labelled,
                                       const std::array<Point, 5>& found);

// The normalised mean error of one face: the mean of its five.
[[nodiscard]] double face_error(const PointErrors& errors);

// For each labelled face the index of the detection that answers for it; nothing: it is missed.
// Pairs are taken by falling IoU, each face and each detection once, down to `least_iou` (above 0);
// of equal ones the lower face, then the lower detection.
[[nodiscard]] std::vector<std::optional<std::size_t>> match_detections(
    std::span<const LabelledFace> labelled, std::span<const Face> detections, double least_iou);

// 0 where no face was found.
struct ErrorSummary {
  double mean = 0, median = 0;  // the median of an even number: the mean of the two in the middle
};

struct LandmarkSummary {
  Index faces = 0, missed = 0;  // missed ones are among the faces
  // Of the faces found, those missed have no error:
  ErrorSummary face;
  std::array<ErrorSummary, 5> points;
  // Of all faces; one that is missed is a failure:
  double failure_rate = 0;  // share with face_error above `failure`, or missed
  double area = 0;          // below the cumulative distribution from 0 to `failure`, over `failure`
};

// One entry per labelled face, nothing for a missed one. Requires failure > 0.
[[nodiscard]] LandmarkSummary summarise(std::span<const std::optional<PointErrors>> results,
                                        double failure);

// The share of all `faces` (those missed too) whose error is at most `limit`. Requires faces > 0.
[[nodiscard]] double share_within(std::span<const double> errors, Index faces, double limit);

// The cumulative error distribution as steps: (x, y) from (0, share at 0) to (limit, share at
// limit), y the share of all `faces` with an error of at most x. Requires faces > 0.
struct CumulativeErrors {
  std::vector<double> x, y;
};
[[nodiscard]] CumulativeErrors cumulative_errors(std::vector<double> errors, Index faces,
                                                 double limit);

}  // namespace rf
