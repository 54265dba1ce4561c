// What eval dense prints and draws.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retinaface/cli/eval.hpp"
#include "retinaface/evaluation/dense_landmarks.hpp"
#include "retinaface/evaluation/dense_pixels.hpp"
#include "retinaface/evaluation/mesh_recovery.hpp"

namespace rf::cli {

inline constexpr double kDenseLandmarkEnd = 0.1;  // of the drawn error distribution

struct DenseLandmarkPart {
  std::string labels;  // the file
  std::vector<DenseLandmarkResult> results;
};

struct DensePixelPart {
  std::string labels;  // the file
  DensePixelOptions options;
  Index pictures = 0;  // in the label file
  Index faces = 0;     // found and large enough; `results` has some of them or all
  std::vector<DensePixelErrors> results;
};

struct DenseSyntheticPart {
  std::string face_model, backgrounds;  // for people
  Index pictures = 0;
  Recovery recovery;
};

// Each part is there if it was asked for.
struct DenseReport {
  std::string dense_sha256;
  DetectorRun run;
  std::optional<DenseLandmarkPart> landmarks;
  std::optional<DensePixelPart> pixels;
  std::optional<DenseSyntheticPart> synthetic;
};

[[nodiscard]] std::string dense_table(const DenseReport& report);
[[nodiscard]] std::string dense_json(
    const DenseReport& report);  // retinaface-eval-dense/1, docs/evaluation.md

// The cumulative distribution of the landmark errors up to kDenseLandmarkEnd, of the branch and of
// the baseline. Requires landmarks.
[[nodiscard]] std::string dense_picture(const DenseReport& report);

}  // namespace rf::cli
