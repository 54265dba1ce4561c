// The evaluation protocol of WIDER FACE (Yang et al. 2016, and the MATLAB code of its evaluation
// server); docs/evaluation.md has it in words and equations.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "retinaface/evaluation/wider_detections.hpp"
#include "retinaface/evaluation/wider_ground_truth.hpp"

namespace rf {

// Intersection over union where a box of width w covers w + 1 pixels, as the protocol has it.
[[nodiscard]] double wider_iou(const WiderBox& a, const WiderBox& b);

// One point per score threshold, thresholds falling.
struct PrecisionRecall {
  std::vector<double> precision, recall;  // both in 0 .. 1, recall never falls
};

// Area under the curve once precision is replaced by its maximum at this or any higher recall. 0
// for no points.
[[nodiscard]] double average_precision(const PrecisionRecall& curve);

struct WiderOptions {
  std::vector<double> iou = {0.5};  // a detection finds a face that it overlaps by at least this
  Index thresholds = 1000;          // of the normalised score: 1 - 1/T, 1 - 2/T, ..., 0
};

// 0.50, 0.55, ..., 0.95.
[[nodiscard]] std::vector<double> coco_iou_thresholds();

struct WiderSubsetResult {
  std::string name;
  Index faces = 0;                      // that count; if there are none, every number below is 0
  std::vector<PrecisionRecall> curves;  // of each WiderOptions::iou
  std::vector<double> ap;               // 0 .. 1
};

// Scores all detections, `detections[i]` being of `truth.images[i]` (RF_ASSERT), against every
// subset. Scores must be finite (RF_ASSERT). Equal scores keep their order; the result is the same
// for any number of threads.
[[nodiscard]] std::vector<WiderSubsetResult> evaluate_wider(
    const WiderGroundTruth& truth, std::span<const std::vector<WiderDetection>> detections,
    const WiderOptions& options = {});

}  // namespace rf
