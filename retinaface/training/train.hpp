// The training loop: batches, steps, rows of metrics, validation, checkpoints.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>

#include "retinaface/training/checkpoint.hpp"
#include "retinaface/training/data.hpp"
#include "retinaface/training/history.hpp"
#include "retinaface/training/learner.hpp"
#include "retinaface/training/validation.hpp"

namespace rf {

// What a run does beside learning; the weights do not depend on it.
struct RunOptions {
  std::string folder;            // of checkpoints, metrics and models; made if it is not there
  Index log_every = 20;          // steps
  Index checkpoint_every = 200;  // steps
  Index keep = 3;                // last checkpoints, beside that of the best validation
  double validate_every = 1;     // epochs; 0: never
  double minutes = 0;            // stop after that long; 0: never
  bool recompute = false;        // RetinaFace::recompute
  LoaderOptions loader;
};

enum class TrainingEnd { finished, stopped, out_of_time, learned };

// Is told what happens; for progress and reports.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void begun(const Learner&, const TrainingData&, Index /*step*/, Index /*steps*/) {}
  virtual void stepped(Index /*step*/) {}
  virtual void logged(const MetricsRow&) {}
  virtual void validated(const ValidationRow&, const Validation&) {}
  virtual void saved(const std::string& /*path*/) {}
  virtual void skipped(Index /*step*/) {}  // a step that was not finite
};

struct TrainingResult {
  TrainingEnd end = TrainingEnd::finished;
  Index step = 0, steps = 0;
  Index best_step = 0;  // 0: never validated
  double best_ap = 0;
  Index skipped_steps = 0;
  std::map<std::string, std::string> unreadable;  // pictures, and why
};

// Steps that the options ask for.
[[nodiscard]] Index step_count(const TrainingOptions& options, const Dataset& data);

// Trains until the end, until `stop` is set, or until the time is up; in each case the folder then
// holds a checkpoint of the last step, and
//   last.safetensors   the detector as it is,
//   best.safetensors   the detector of the best validation, if there was one,
//   metrics.csv, validation.csv.
// With --overfit it also ends once a validation finds 99 % of the faces of 16 pixels and more above
// a score of 0.5. `from` is where to go on. Throws UsageError (options; other data than those of
// the checkpoint), ModelError, FileError (a full disk), TrainingError (a loss that is not finite).
[[nodiscard]] TrainingResult train(const TrainingOptions& options, const RunOptions& run,
                                   const std::optional<Checkpoint>& from,
                                   TrainingObserver& observer, const std::atomic<bool>& stop);

}  // namespace rf
