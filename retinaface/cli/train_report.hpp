// report.html in the folder of a training run.
#pragma once

#include <string>
#include <vector>

#include "retinaface/training/report.hpp"
#include "retinaface/training/train.hpp"

namespace rf::cli {

class TrainReport {
 public:
  TrainReport(const TrainingOptions& options, std::string folder)
      : options_(options), folder_(std::move(folder)) {}

  // Takes sample pictures and the worst misses from a validation.
  void take(const TrainingData& data, const Validation& validation);

  // Writes the page with what metrics.csv and validation.csv hold by now. Throws FileError.
  void write(const std::string& status, const std::vector<std::string>& notes) const;

 private:
  TrainingOptions options_;
  std::string folder_;
  std::vector<ReportPicture> samples_, misses_;
};

}  // namespace rf::cli
