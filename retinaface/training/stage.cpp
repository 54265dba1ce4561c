#include "retinaface/training/stage.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/training/checkpoint.hpp"
#include "retinaface/training/run_lock.hpp"
#include "retinaface/training/step_table.hpp"
#include "weights/described_state.hpp"

namespace rf {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr FileSchema kSchema{.key = "retinaface-stage",
                             .schema = "retinaface-stage/1",
                             .what = "checkpoint of a stage of the dense branch"};

constexpr Index kKeptCheckpoints = 2;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string header(const std::vector<Measured>& values) {
  std::string line = "step";
  for (const Measured& value : values) line += "," + value.name;
  return line + "\n";
}

std::string row(Index step, const std::vector<Measured>& values) {
  std::string line = std::to_string(step);
  for (const Measured& value : values) line += "," + csv_number(value.value);
  return line + "\n";
}

class Run {
 public:
  Run(StageLearner& learner, const StageRunOptions& run, StageObserver& observer)
      : learner_(learner), run_(run), observer_(observer) {}

  void go_on(const StageCheckpoint& from) {
    if (from.stage != learner_.name()) {
      throw UsageError(message("--resume: the checkpoint is of the stage \"", from.stage,
                               "\", not of \"", learner_.name(), "\""));
    }
    if (from.options != learner_.options())
      throw UsageError("--resume: the checkpoint is of a training with other options");
    if (from.inputs != learner_.inputs()) {
      for (const auto& [name, sha256] : learner_.inputs()) {
        const auto then = from.inputs.find(name);
        if (then == from.inputs.end() || then->second != sha256)
          throw UsageError(message("--resume: the ", name, " is not what the training began with"));
      }
      throw UsageError("--resume: the training began with other inputs");
    }
    if (from.step > learner_.steps()) {
      throw ModelError(message("the checkpoint is of step ", from.step,
                               ", but its training has only ", learner_.steps()));
    }
    try {
      learner_.load_state(from.state);
    } catch (const ShapeError& error) {
      throw ModelError(message("the checkpoint is of another network: ", error.what()));
    }
    result_.step = begun_ = from.step;
  }

  StageResult run(const std::atomic<bool>& stop) {
    open_folder();
    observer_.begun(result_.step, learner_.steps());
    const auto start = Clock::now();
    while (result_.step < learner_.steps()) {
      if (stop || (run_.minutes > 0 && seconds_since(start) >= 60 * run_.minutes)) {
        result_.end = stop ? StageEnd::stopped : StageEnd::out_of_time;
        break;
      }
      take_step();
      const bool last = result_.step == learner_.steps();
      if (result_.step % run_.log_every == 0 || last) log();
      if (result_.step % run_.checkpoint_every == 0 && !last) save();
      if (result_.step % run_.validate_every == 0 && !last) validate();
    }
    save();
    learner_.write(path("last.safetensors"),
                   message("retinaface train ", learner_.name(), ", step ", result_.step, " of ",
                           learner_.steps()));
    if (validated_ != result_.step) validate();  // last: what was learned is safe
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::string path(const std::string& name) const { return run_.folder + "/" + name; }

  void open_folder() {
    std::error_code error;
    std::filesystem::create_directories(run_.folder, error);
    if (error) throw FileError(message(run_.folder, ": cannot make the folder: ", error.message()));
    lock_.emplace(run_.folder);
    const std::vector<Index> steps = checkpoint_steps(run_.folder);
    if (!steps.empty() && steps.back() > result_.step) {
      throw UsageError(message(run_.folder, ": has a checkpoint of step ", steps.back(),
                               ", later than step ", result_.step,
                               " from which this run would go on; move it away first"));
    }
  }

  void take_step() {
    const auto start = Clock::now();
    const std::vector<Measured> losses = learner_.step(result_.step);
    ++result_.step;
    if (sums_.empty()) {
      sums_ = losses;
    } else {
      for (std::size_t i = 0; i < losses.size(); ++i) sums_[i].value += losses[i].value;
    }
    seconds_ += seconds_since(start);
    ++summed_;
    observer_.stepped(result_.step);
  }

  // A row of a table of this run, which keeps those up to the step from which it goes on.
  void write_row(const std::string& name, bool& begun, const std::vector<Measured>& values) {
    if (!std::exchange(begun, true))
      truncate_lines(path(name), header(values), std::min(begun_, result_.step - 1));
    append_line(path(name), header(values), row(result_.step, values));
  }

  void log() {
    if (summed_ == 0) return;
    for (Measured& sum : sums_) sum.value /= static_cast<double>(summed_);
    const double seconds = seconds_ / static_cast<double>(summed_);
    std::vector<Measured> values = std::exchange(sums_, {});
    observer_.logged(result_.step, values, seconds);
    values.push_back({.name = "seconds_per_step", .value = seconds});
    write_row("metrics.csv", metrics_begun_, values);
    seconds_ = 0;
    summed_ = 0;
  }

  void validate() {
    result_.validation = learner_.validate();
    validated_ = result_.step;
    write_row("validation.csv", validation_begun_, result_.validation);
    observer_.validated(result_.step, result_.validation);
  }

  void save() {
    log();
    write_stage_checkpoint(checkpoint_path(run_.folder, result_.step),
                           {.step = result_.step,
                            .stage = learner_.name(),
                            .options = learner_.options(),
                            .inputs = learner_.inputs(),
                            .state = learner_.state()});
    prune_checkpoints(run_.folder, kKeptCheckpoints, 0);
  }

  StageLearner& learner_;
  const StageRunOptions& run_;
  StageObserver& observer_;
  std::optional<RunLock> lock_;
  StageResult result_;
  std::vector<Measured> sums_;  // since the last row
  double seconds_ = 0;
  Index summed_ = 0;
  Index begun_ = 0, validated_ = -1;  // steps: at which this run began, of the last validation
  bool metrics_begun_ = false, validation_begun_ = false;
};

}  // namespace

void write_stage_checkpoint(const std::string& path, const StageCheckpoint& checkpoint) {
  const Json json = {{"stage", checkpoint.stage},
                     {"step", checkpoint.step},
                     {"options", Json::parse(checkpoint.options)},
                     {"inputs", checkpoint.inputs}};
  write_described_state(path, kSchema,
                        {.description = json, .state = checkpoint.state, .sha256 = {}},
                        IfExists::replace);
}

StageCheckpoint read_stage_checkpoint(const std::string& path) {
  DescribedState file = read_described_state(path, kSchema);
  return read_description(path, [&] {
    const Json& json = file.description;
    return StageCheckpoint{.step = described_count(json, "step", path),
                           .stage = json.at("stage").get<std::string>(),
                           .options = json.at("options").dump(),
                           .inputs = json.at("inputs").get<std::map<std::string, std::string>>(),
                           .state = std::move(file.state)};
  });
}

StageResult run_stage(StageLearner& learner, const StageRunOptions& run,
                      const std::optional<StageCheckpoint>& from, StageObserver& observer,
                      const std::atomic<bool>& stop) {
  Run stage(learner, run, observer);
  if (from) stage.go_on(*from);
  return stage.run(stop);
}

}  // namespace rf
