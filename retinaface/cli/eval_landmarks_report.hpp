// What eval landmarks prints and draws.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retinaface/cli/eval.hpp"
#include "retinaface/evaluation/landmark_error.hpp"

namespace rf::cli {

inline constexpr double kLandmarkFailure = 0.1;  // RetinaFace section 4.5: the NME threshold at 10%

struct LandmarkReport {
  std::string labels;                       // the label file
  Index pictures_in_labels = 0, every = 1;  // every N-th was taken
  Index frame = 0;                          // pixels around each picture
  double iou = 0;                           // the least that a detection must have with its face
  Index without_landmarks = 0;              // labelled faces that are not measured

  DetectorRun run;
  std::vector<std::optional<PointErrors>> results;  // of every face; nothing: missed
  std::vector<std::optional<std::size_t>> poses;    // of every face, index into kMtflPoses
};

// Everything that the numbers depend on, in the line that stands beside them.
[[nodiscard]] std::string protocol_line(const LandmarkReport& report);

[[nodiscard]] std::string landmark_table(const LandmarkReport& report);
[[nodiscard]] std::string landmark_json(
    const LandmarkReport& report);  // retinaface-eval-landmarks/1, docs/evaluation.md

// The cumulative error distribution up to kLandmarkFailure: of the faces, and of each point.
[[nodiscard]] std::string landmark_picture(const LandmarkReport& report);

}  // namespace rf::cli
