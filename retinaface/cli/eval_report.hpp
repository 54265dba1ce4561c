// What eval wider prints and draws.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retinaface/evaluation/wider_protocol.hpp"

namespace rf::cli {

// How the detector was run, if it was.
struct DetectorRun {
  std::string model_name, model_sha256;
  std::string size;
  double score = 0, nms = 0;
  Index failed = 0;                         // images that could not be decoded
  double seconds = 0, network_seconds = 0;  // all images; decoding and scaling is in the first only
  double peak_memory_mb = 0;
};

struct WiderReport {
  WiderGroundTruth truth;
  WiderDetections found;
  std::string list;                // the file of --list, if any
  std::string detections;          // the folder they were read from, if they were
  std::optional<DetectorRun> run;  // if they were made now
  std::vector<double> ious;
  std::vector<WiderSubsetResult> results;
};

// Everything that the numbers depend on, in the line that stands beside them.
[[nodiscard]] std::string protocol_line(const WiderReport& report);

[[nodiscard]] std::string wider_table(const WiderReport& report);
[[nodiscard]] std::string wider_json(
    const WiderReport& report);  // retinaface-eval-wider/1, docs/evaluation.md

// Precision-recall curves: of all subsets at the lowest IoU if `subset` is empty, else of one
// subset at every IoU.
[[nodiscard]] std::string curve_file_name(const std::string& subset);
[[nodiscard]] std::string curve_picture(const WiderReport& report, const std::string& subset);

}  // namespace rf::cli
