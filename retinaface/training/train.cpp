#include "retinaface/training/train.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <utility>

#include "engine/check.hpp"
#include "engine/kernels/table.hpp"
#include "engine/storage.hpp"
#include "engine/world.hpp"
#include "retinaface/training/learner.hpp"
#include "retinaface/training/run_lock.hpp"
#include "weights/described_state.hpp"

namespace rf {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// With --overfit a face counts from this size, and is found from this score on.
constexpr double kLearnedSide = 16, kLearnedShare = 0.99;
constexpr float kLearnedScore = 0.5F;

// So many steps in a row that are not finite end a training: it will not recover.
constexpr Index kHopeless = 100;

// Adds up what happens between two rows of metrics.
class RowBuilder {
 public:
  void add(const StepLosses& losses, double learning_rate) {
    if (losses.taken) {
      sum_.loss += losses.total;
      sum_.cls += losses.cls;
      sum_.box += losses.box;
      sum_.landmark += losses.landmark;
      sum_.teacher += losses.teacher;
      sum_.dense += losses.dense;
      sum_.grad_norm += losses.grad_norm;
      ++taken_;
    }
    sum_.learning_rate = learning_rate;
    ++steps_;
  }
  [[nodiscard]] bool empty() const { return steps_ == 0; }

  // What pause() was told of (validation, saving) does not count as time of the steps. Losses are
  // NaN when no step was taken.
  MetricsRow row(Index step, Index batch, Index epoch_size, double waited) {
    MetricsRow row = sum_;
    const double steps = static_cast<double>(taken_);
    for (double* mean :
         {&row.loss, &row.cls, &row.box, &row.landmark, &row.teacher, &row.dense, &row.grad_norm})
      *mean /= steps;
    row.step = step;
    row.images = step * batch;
    row.epoch = static_cast<double>(row.images) / static_cast<double>(epoch_size);
    const double seconds = std::max(seconds_since(start_) - paused_, 1e-9);
    row.seconds_per_image = seconds / static_cast<double>(steps_ * batch);
    row.wait_share = std::clamp((waited - waited_) / seconds, 0.0, 1.0);
    *this = RowBuilder();
    waited_ = waited;
    return row;
  }
  void pause(double seconds) { paused_ += seconds; }

 private:
  MetricsRow sum_;
  Index steps_ = 0, taken_ = 0;
  double waited_ = 0, paused_ = 0;
  Clock::time_point start_ = Clock::now();
};

std::string percent(double share) { return message(std::round(share * 1e4) / 1e2); }

class Run {
 public:
  Run(const TrainingOptions& options, const RunOptions& run, const std::optional<Checkpoint>& from,
      TrainingObserver& observer)
      : options_(options),
        run_(run),
        observer_(observer),
        data_(read_training_data(options)),
        learner_(with_init(options, !from), run.recompute),
        rate_(learning_rate(options)) {
    result_.steps = step_count(options, data_.train);
    if (from) go_on(*from);
    check_agreement();
    if (!writes_) return;
    make_folder();
    lock_.emplace(run.folder);
    refuse_later_checkpoints();
    truncate_metrics(path("metrics.csv"), result_.step);
    truncate_validation(path("validation.csv"), result_.step);
  }

  TrainingResult train(const std::atomic<bool>& stop) {
    result_.end = TrainingEnd::finished;
    if (writes_) observer_.begun(learner_, data_, result_.step, result_.steps);
    set_kept_memory_limit(std::numeric_limits<std::size_t>::max());
    if (result_.step < result_.steps) take_steps(stop);
    if (writes_) {
      write_detector("last.safetensors", "");
      if (!options_.dense.empty()) write_dense();
    }
    return result_;
  }

 private:
  // Processes with other data or kernels would drift apart, or wait for each other forever.
  void check_agreement() const {
    const std::string all = message(data_.sha256, " ", result_.step, " of ", result_.steps, " ",
                                    learner_.teacher_sha256(), " ", kernels().name);
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a
    for (const char c : all) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    const std::array<double, 2> own{static_cast<double>(hash >> 32),
                                    static_cast<double>(hash & 0xFFFFFFFFU)};
    std::array<double, 2> sums = own;
    world().sum(sums);
    const double size = world().size();
    if (sums[0] != size * own[0] || sums[1] != size * own[1])
      throw UsageError(
          "train: the processes do not agree: each needs the same label files, checkpoint, teacher "
          "and instruction set (--isa)");
  }

  // Whether so in any of the processes that train together.
  [[nodiscard]] static bool anywhere(bool here) { return world().sum_of(here ? 1 : 0) > 0; }

  void take_steps(const std::atomic<bool>& stop) {
    const auto start = Clock::now();
    Loader loader(data_.train, learner_.config(), batch_options(options_), run_.loader,
                  result_.step);
    while (result_.step < result_.steps) {
      if (anywhere(stop)) {
        result_.end = TrainingEnd::stopped;
        break;
      }
      if (run_.minutes > 0 && anywhere(seconds_since(start) >= 60 * run_.minutes)) {
        result_.end = TrainingEnd::out_of_time;
        break;
      }
      take_step(loader);
      const bool last = result_.step == result_.steps;
      if (result_.step % run_.log_every == 0 || last) log(loader);
      if (validation_is_due() || (last && run_.validate_every > 0)) {
        if (anywhere(writes_ && validate_now(loader))) {
          result_.end = TrainingEnd::learned;
          break;
        }
      }
      if (result_.step % run_.checkpoint_every == 0 && !last) save(loader);
    }
    save(loader);
    result_.unreadable.merge(loader.unreadable());
  }

  // A training that goes on takes all weights from its checkpoint: what it began with may be gone.
  [[nodiscard]] static TrainingOptions with_init(TrainingOptions options, bool wanted) {
    if (!wanted) options.init.clear();
    return options;
  }

  // Their numbers would make them the last ones, and this run's would be pruned.
  void refuse_later_checkpoints() const {
    const std::vector<Index> steps = checkpoint_steps(run_.folder);
    if (!steps.empty() && steps.back() > result_.step) {
      throw UsageError(message(run_.folder, ": has a checkpoint of step ", steps.back(),
                               ", later than step ", result_.step,
                               " from which this run would go on; move it away first"));
    }
  }

  [[nodiscard]] std::string path(const std::string& name) const { return run_.folder + "/" + name; }

  void make_folder() const {
    std::error_code error;
    std::filesystem::create_directories(run_.folder, error);
    if (error) throw FileError(message(run_.folder, ": cannot make the folder: ", error.message()));
  }

  void go_on(const Checkpoint& from) {
    if (from.data_sha256 != data_.sha256) {
      throw UsageError(
          "resume: the label files are not those that the training began with; a changed data set "
          "is a new training (--init takes weights from an old one)");
    }
    if (from.teacher_sha256 != learner_.teacher_sha256()) {
      throw UsageError(message("resume: --teacher ", options_.teacher,
                               " is not the detector that the training began with (sha256 ",
                               from.teacher_sha256.substr(0, 12), ")"));
    }
    if (from.dense_sha256 != (learner_.dense() ? learner_.dense()->sha256() : "")) {
      throw UsageError(message("resume: --dense ", options_.dense,
                               " is not the file that the training began with"));
    }
    if (from.step > result_.steps) {
      throw ModelError(message("the checkpoint is of step ", from.step,
                               ", but its training has only ", result_.steps));
    }
    try {
      learner_.load_state(from.state);
    } catch (const ShapeError& error) {
      throw ModelError(message("the checkpoint is of another network: ", error.what()));
    }
    result_.step = from.step;
    result_.best_step = from.best_step;
    result_.best_ap = from.best_ap;
  }

  [[nodiscard]] double epoch_after(Index step) const {
    return static_cast<double>(step * options_.batch) /
           static_cast<double>(data_.train.epoch_size());
  }

  void take_step(Loader& loader) {
    const Batch batch = loader.next();
    const double rate = rate_(epoch_after(result_.step));
    const StepLosses losses = learner_.step(batch, rate);
    ++result_.step;
    row_.add(losses, rate);
    skipped_in_a_row_ = losses.taken ? 0 : skipped_in_a_row_ + 1;
    if (!losses.taken) {
      ++result_.skipped_steps;
      if (writes_) observer_.skipped(result_.step);
    }
    if (skipped_in_a_row_ == kHopeless) {
      throw TrainingError(message("the last ", kHopeless,
                                  " steps were not finite; a lower --lr, or --clip, may help"));
    }
    if (writes_) observer_.stepped(result_.step);
  }

  void log(const Loader& loader) {
    if (row_.empty() || !writes_) return;
    const MetricsRow row =
        row_.row(result_.step, options_.batch, data_.train.epoch_size(), loader.waited());
    append_metrics(path("metrics.csv"), row);
    observer_.logged(row);
  }

  // Whether this step passed a multiple of validate_every.
  [[nodiscard]] bool validation_is_due() const {
    if (run_.validate_every <= 0) return false;
    const auto passed = [&](Index step) {
      return std::floor(epoch_after(step) / run_.validate_every);
    };
    return passed(result_.step) > passed(result_.step - 1);
  }

  // True when there is nothing left to learn (--overfit).
  bool validate_now(const Loader& loader) {
    if (data_.validation.empty()) return false;
    const auto start = Clock::now();
    const bool overfit = options_.overfit > 0;
    ValidationOptions how;
    if (overfit)
      how = {.min_face = kLearnedSide,
             .score = kLearnedScore,
             .size = message(options_.sizes.front(), "x", options_.sizes.front())};
    const Pipeline pipeline(detector(), {.score = how.score, .nms = {}, .size = how.size});
    const Validation found = validate(pipeline, data_.validation, how);
    const ValidationRow row{.step = result_.step,
                            .epoch = epoch_after(result_.step),
                            .ap = found.ap,
                            .recall = found.recall,
                            .faces = found.faces};
    append_validation(path("validation.csv"), row);
    result_.unreadable.insert(found.unreadable.begin(), found.unreadable.end());
    const bool best = result_.best_step == 0 || found.ap > result_.best_ap;
    if (best) {
      result_.best_ap = found.ap;
      result_.best_step = result_.step;
      write_detector("best.safetensors", message("; ", percent(found.ap), " % AP on ",
                                                 data_.validation.size(), " validation pictures"));
    }
    observer_.validated(row, found);
    row_.pause(seconds_since(start));
    if (best) save(loader);
    return overfit && found.recall >= kLearnedShare;
  }

  [[nodiscard]] LoadedModel detector() const {
    return {.path = "the network in training",
            .format = "",
            .sha256 = "",
            .config = learner_.config(),
            .tensors = learner_.weights()};
  }

  // For last.safetensors.
  void write_dense() const {
    const std::string provenance =
        message("trained along with a detector, step ", result_.step, " of ", result_.steps,
                ", lambda 3 ", options_.dense_weight);
    write_dense_model(path("dense.safetensors"),
                      learner_.dense()->model(state_sha256(learner_.weights()), provenance),
                      IfExists::replace);
  }

  void write_detector(const std::string& name, const std::string& remark) const {
    ModelConfig config = learner_.config();
    config.licence = "as the data allow that it was trained on";
    std::string data;
    for (const std::string& folder : options_.data) data += (data.empty() ? "" : ", ") + folder;
    config.provenance = message("retinaface train on ", data, ", from ",
                                options_.init.empty() ? "random weights" : options_.init);
    if (!options_.teacher.empty()) {
      config.provenance += message(", taught by ", options_.teacher, " (sha256 ",
                                   learner_.teacher_sha256().substr(0, 12), ")");
    }
    config.provenance +=
        message("; step ", result_.step, " of ", result_.steps, ", seed ", options_.seed, remark);
    write_model(path(name),
                {.format = "safetensors",
                 .description = to_json(config),
                 .tensors = learner_.weights(),
                 .sha256 = {}},
                IfExists::replace);
  }

  void save(const Loader& loader) {
    if (saved_ == result_.step || !writes_) return;
    saved_ = result_.step;
    const auto start = Clock::now();
    log(loader);
    const std::string file = checkpoint_path(run_.folder, result_.step);
    write_checkpoint(file, {.step = result_.step,
                            .options = options_,
                            .data_sha256 = data_.sha256,
                            .teacher_sha256 = learner_.teacher_sha256(),
                            .dense_sha256 = learner_.dense() ? learner_.dense()->sha256() : "",
                            .best_step = result_.best_step,
                            .best_ap = result_.best_ap,
                            .state = learner_.state()});
    prune_checkpoints(run_.folder, run_.keep, result_.best_step);
    observer_.saved(file);
    row_.pause(seconds_since(start));
  }

  const TrainingOptions options_;
  const RunOptions run_;
  TrainingObserver& observer_;
  const bool writes_ = world().rank() == 0;  // of several processes the first
  std::optional<RunLock> lock_;
  const TrainingData data_;
  Learner learner_;
  const std::function<double(double)> rate_;
  RowBuilder row_;
  Index skipped_in_a_row_ = 0, saved_ = -1;
  TrainingResult result_;
};

}  // namespace

Index step_count(const TrainingOptions& options, const Dataset& data) {
  const double images = options.epochs * static_cast<double>(data.epoch_size());
  return std::max<Index>(1, std::llround(images / static_cast<double>(options.batch)));
}

TrainingResult train(const TrainingOptions& options, const RunOptions& run,
                     const std::optional<Checkpoint>& from, TrainingObserver& observer,
                     const std::atomic<bool>& stop) {
  check(options);
  return Run(options, run, from, observer).train(stop);
}

}  // namespace rf
