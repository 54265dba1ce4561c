// One stage of the dense branch's training: the loop, checkpoints and tables that its stages share.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/state_dict.hpp"

namespace rf {

// A loss, an error, with its unit in the name where it has one: "vertices_mm".
struct Measured {
  std::string name;
  double value;
};

// What learns, as the loop sees it.
class StageLearner {
 public:
  StageLearner() = default;
  StageLearner(const StageLearner&) = delete;
  StageLearner& operator=(const StageLearner&) = delete;
  virtual ~StageLearner() = default;

  [[nodiscard]] virtual Index steps() const = 0;  // in all
  // One step, counted from 0: the same names every time, the loss first. A step depends on state()
  // and its number alone. Throws TrainingError: a loss that is not finite.
  virtual std::vector<Measured> step(Index step) = 0;
  // On what no step sees: the same names every time, what is to become small first.
  virtual std::vector<Measured> validate() = 0;

  // All that later steps depend on; later steps do not change the tensors.
  [[nodiscard]] virtual StateDict state() const = 0;
  // Throws ShapeError: the state of another network.
  virtual void load_state(const StateDict& state) = 0;

  // What it learned, as a file. Throws FileError.
  virtual void write(const std::string& path, const std::string& provenance) const = 0;

  // Pictures that could not be read, and why, by path.
  [[nodiscard]] virtual std::map<std::string, std::string> unreadable() const { return {}; }

  // What a checkpoint must agree with: name of the stage, its options as JSON, and the SHA-256 of
  // what it reads (models, labels), by name.
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string options() const = 0;
  [[nodiscard]] virtual std::map<std::string, std::string> inputs() const = 0;
};

struct StageCheckpoint {
  Index step = 0;
  std::string stage, options;
  std::map<std::string, std::string> inputs;
  StateDict state;
};

// Throw as write_checkpoint and read_checkpoint (checkpoint.hpp) do; names of files are those of
// checkpoint_path().
void write_stage_checkpoint(const std::string& path, const StageCheckpoint& checkpoint);
[[nodiscard]] StageCheckpoint read_stage_checkpoint(const std::string& path);

// What a run does beside learning; what is learned does not depend on it.
struct StageRunOptions {
  std::string folder;             // made if it is not there
  Index log_every = 100;          // steps
  Index validate_every = 2000;    // steps
  Index checkpoint_every = 1000;  // steps
  double minutes = 0;             // stop after that long; 0: never
};

class StageObserver {
 public:
  virtual ~StageObserver() = default;
  virtual void begun(Index /*step*/, Index /*steps*/) {}
  virtual void stepped(Index /*step*/) {}
  virtual void logged(Index /*step*/, const std::vector<Measured>&, double /*seconds a step*/) {}
  virtual void validated(Index /*step*/, const std::vector<Measured>&) {}
};

enum class StageEnd { finished, stopped, out_of_time };

struct StageResult {
  StageEnd end = StageEnd::finished;
  Index step = 0;
  std::vector<Measured> validation;  // of the last step
};

// Until the last step, until `stop` is set, or until the time is up; the folder then holds a
// checkpoint of the last step, metrics.csv, validation.csv, and last.safetensors with what was
// learned. Throws UsageError: a checkpoint of another stage, of other options or of other inputs, a
// folder that is in use or holds later checkpoints; ModelError, FileError, TrainingError.
StageResult run_stage(StageLearner& learner, const StageRunOptions& run,
                      const std::optional<StageCheckpoint>& from, StageObserver& observer,
                      const std::atomic<bool>& stop);

}  // namespace rf
