#include "retinaface/evaluation/landmark_error.hpp"

#include <algorithm>
#include <cmath>

#include "engine/check.hpp"
#include "retinaface/nms.hpp"

namespace rf {

namespace {

ErrorSummary summary_of(std::vector<double> errors) {
  if (errors.empty()) return {};
  std::sort(errors.begin(), errors.end());
  double sum = 0;
  for (const double error : errors) sum += error;
  const std::size_t count = errors.size();
  return {.mean = sum / static_cast<double>(count),
          .median = (errors[(count - 1) / 2] + errors[count / 2]) / 2};
}

}  // namespace

PointErrors point_errors(const Box& box, const std::array<Point, 5>& labelled,
                         const std::array<Point, 5>& found) {
  const double area = (static_cast<double>(box.x2) - static_cast<double>(box.x1)) *
                      (static_cast<double>(box.y2) - static_cast<double>(box.y1));
  RF_ASSERT(area > 0);
  PointErrors errors{};
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const double dx = static_cast<double>(found[i].x) - static_cast<double>(labelled[i].x);
    const double dy = static_cast<double>(found[i].y) - static_cast<double>(labelled[i].y);
    errors[i] = std::sqrt((dx * dx + dy * dy) / area);
  }
  return errors;
}

double face_error(const PointErrors& errors) {
  double sum = 0;
  for (const double error : errors) sum += error;
  return sum / static_cast<double>(errors.size());
}

std::vector<std::optional<std::size_t>> match_detections(std::span<const LabelledFace> labelled,
                                                         std::span<const Face> detections,
                                                         double least_iou) {
  RF_ASSERT(least_iou > 0);
  struct Pair {
    double iou;
    std::size_t face, detection;
  };
  std::vector<Pair> pairs;
  for (std::size_t f = 0; f < labelled.size(); ++f) {
    for (std::size_t d = 0; d < detections.size(); ++d) {
      const Face& face = detections[d];
      const double overlap = iou(labelled[f].box, {face.x1, face.y1, face.x2, face.y2}, false);
      if (overlap >= least_iou) pairs.push_back({overlap, f, d});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.iou > b.iou; });
  std::vector<std::optional<std::size_t>> answers(labelled.size());
  std::vector<bool> taken(detections.size());
  for (const Pair& pair : pairs) {
    if (answers[pair.face] || taken[pair.detection]) continue;
    answers[pair.face] = pair.detection;
    taken[pair.detection] = true;
  }
  return answers;
}

LandmarkSummary summarise(std::span<const std::optional<PointErrors>> results, double failure) {
  RF_ASSERT(failure > 0);
  LandmarkSummary summary;
  summary.faces = static_cast<Index>(results.size());
  std::vector<double> faces;
  std::array<std::vector<double>, 5> points;
  Index failures = 0;
  double area = 0;
  for (const std::optional<PointErrors>& result : results) {
    if (!result) {
      ++summary.missed;
      ++failures;
      continue;
    }
    const double error = face_error(*result);
    faces.push_back(error);
    for (std::size_t i = 0; i < points.size(); ++i) points[i].push_back((*result)[i]);
    if (error > failure) ++failures;
    area += std::max(0.0, 1 - error / failure);  // what this face's step adds
  }
  if (summary.faces == 0) return summary;
  summary.face = summary_of(std::move(faces));
  for (std::size_t i = 0; i < points.size(); ++i)
    summary.points[i] = summary_of(std::move(points[i]));
  summary.failure_rate = static_cast<double>(failures) / static_cast<double>(summary.faces);
  summary.area = area / static_cast<double>(summary.faces);
  return summary;
}

double share_within(std::span<const double> errors, Index faces, double limit) {
  RF_ASSERT(faces > 0);
  const auto within = std::ranges::count_if(errors, [&](double error) { return error <= limit; });
  return static_cast<double>(within) / static_cast<double>(faces);
}

CumulativeErrors cumulative_errors(std::vector<double> errors, Index faces, double limit) {
  RF_ASSERT(faces > 0);
  std::sort(errors.begin(), errors.end());
  CumulativeErrors curve{{0}, {0}};
  const auto go_to = [&](double x, double y) {
    curve.x.push_back(x);
    curve.y.push_back(y);
  };
  for (std::size_t i = 0; i < errors.size() && errors[i] <= limit; ++i) {
    go_to(errors[i], curve.y.back());
    go_to(errors[i], static_cast<double>(i + 1) / static_cast<double>(faces));
  }
  go_to(limit, curve.y.back());
  return curve;
}

}  // namespace rf
