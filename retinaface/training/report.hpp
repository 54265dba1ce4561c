// The page that a person looks at while a training runs, to see whether it still learns.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "retinaface/training/history.hpp"
#include "retinaface/training/report_picture.hpp"

namespace rf {

struct ReportInput {
  std::string title;
  std::string status;  // "running", "stopped at step 1200", "finished"
  std::vector<std::pair<std::string, std::string>> settings = {};  // name and value
  std::vector<MetricsRow> metrics = {};                            // by rising step
  std::vector<ValidationRow> validation = {};                      // by rising step
  std::vector<ReportPicture> samples = {};
  std::vector<ReportPicture> misses = {};  // as keep_worst_misses makes them
  std::vector<std::string> notes = {};     // what the person should know: skipped pictures, ...
};

// One HTML file in UTF-8 that needs nothing else: no network, no scripts. Any text and any numbers
// are allowed; those that are not finite are left out of the charts, and a sentence says so. The
// same input gives the same bytes.
[[nodiscard]] std::string training_report(const ReportInput& input);

}  // namespace rf
