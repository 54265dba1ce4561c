// The three measurements of eval dense.
#pragma once

#include <string>
#include <vector>

#include "retinaface/cli/eval.hpp"
#include "retinaface/cli/eval_dense_report.hpp"
#include "retinaface/data/labels.hpp"

namespace rf::cli {

struct DenseFlags : RunFlags {
  std::string dense;
  std::string landmarks, ced;
  std::string pixels;
  Index most = 0;
  DensePixelOptions pixel_options;
  Index synthetic = 0;
  std::string face_model, backgrounds;
};

// What is measured against, read and judged before the first picture is.
struct DenseLabels {
  std::string landmark_file;
  std::vector<Landmarks68> landmarks;
  std::vector<std::string> landmark_paths;  // of the pictures

  std::string pixel_file;
  std::vector<LabelledPicture> pictures;
  std::vector<std::string> picture_paths;
};

// Throws what reading the label files throws; FileError: pictures that are missing.
[[nodiscard]] DenseLabels read_dense_labels(const DenseFlags& flags);

// Each fills its part of the report, and adds to `run` how many pictures it read, how many of them
// could not be decoded (these are said), and the network's milliseconds to `network`. Throw
// FormatError when no picture can be decoded; what the measurements throw.
struct DenseMeasurement {
  const DenseFlags& flags;
  const DenseLabels& labels;
  const Pipeline& detector;
  const DenseBranch& branch;
};
void measure_landmarks(const DenseMeasurement& how, DenseReport& report, double& network);
void measure_pixels(const DenseMeasurement& how, DenseReport& report, double& network);
// UsageError: another face model than the branch's.
void measure_synthetic(const DenseMeasurement& how, DenseReport& report);

}  // namespace rf::cli
