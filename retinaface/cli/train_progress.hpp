// What train prints and reports as it goes.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/train_report.hpp"

namespace rf::cli {

class TrainProgress final : public TrainingObserver {
 public:
  TrainProgress(const TrainingOptions& options, const RunOptions& run, bool quiet)
      : options_(options), run_(run), quiet_(quiet), report_(options, run.folder) {}

  void begun(const Learner& learner, const TrainingData& data, Index step, Index steps) override;
  void stepped(Index step) override;
  void logged(const MetricsRow& row) override;
  void validated(const ValidationRow& row, const Validation& found) override;
  void saved(const std::string& path) override;
  void skipped(Index step) override;

  // The last lines of a run, and its report.
  void finish(const TrainingResult& result);

 private:
  void write_report(const std::string& status);

  TrainingOptions options_;
  RunOptions run_;
  bool quiet_;
  Index first_ = 0, steps_ = 0;
  Stopwatch watch_;
  std::unique_ptr<Progress> bar_;
  const TrainingData* data_ = nullptr;  // lives as long as the run
  TrainReport report_;
  std::vector<std::string> notes_;    // for the report
  std::set<std::string> unreadable_;  // pictures that were spoken of
  Index skipped_ = 0;
};

// "1 h 05 min", "12 min", "40 s".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace rf::cli
