// What eval wider prints and draws.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retinaface/cli/eval.hpp"
#include "retinaface/evaluation/wider_protocol.hpp"

namespace rf::cli {

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
