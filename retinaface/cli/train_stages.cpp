#include "retinaface/cli/train_stages.hpp"

#include <filesystem>
#include <memory>
#include <string>

#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/mpi_world.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/train_progress.hpp"
#include "retinaface/cli/training_flags.hpp"
#include "retinaface/training/crop_learner.hpp"
#include "retinaface/training/decoder_learner.hpp"
#include "retinaface/training/head_learner.hpp"
#include "retinaface/training/option_values.hpp"
#include "retinaface/training/run_lock.hpp"
#include "weights/described_state.hpp"

namespace rf::cli {

namespace {

template <class Options>
struct StageFlags {
  Options options;
  StageRunOptions run;
  std::string resume;
  int threads = 0;
  std::string isa;
  bool quiet = false;
};

class StageProgress final : public StageObserver {
 public:
  explicit StageProgress(double minutes) : minutes_(minutes) {}

  void begun(Index step, Index steps) override {
    first_ = step;
    steps_ = steps;
    watch_ = Stopwatch();
    bar_ = std::make_unique<Progress>("train", steps - step, true);
  }
  void stepped(Index step) override { bar_->step(step - first_); }
  void logged(Index step, const std::vector<Measured>& values, double seconds) override {
    double left = seconds * static_cast<double>(steps_ - step);
    if (minutes_ > 0) left = std::min(left, 60 * minutes_ - watch_.milliseconds() / 1000);
    say(message("step ", step, "/", steps_, "  ", text(values), "  ", fixed(seconds * 1000, 1),
                " ms/step  ", duration_text(std::max(left, 0.0)), " left"));
  }
  void validated(Index step, const std::vector<Measured>& values) override {
    say(message("step ", step, ": ", text(values)));
  }

  static std::string text(const std::vector<Measured>& values) {
    std::string text;
    for (const Measured& value : values)
      text += message(text.empty() ? "" : ", ", value.name, " ", fixed(value.value, 4));
    return text;
  }

 private:
  double minutes_;
  Index first_ = 0, steps_ = 0;
  Stopwatch watch_;
  std::unique_ptr<Progress> bar_;
};

// A run's folder, made before hours of reading: one that cannot be made or written, or is in use,
// throws here. Removed again when the reading fails and there was none before.
class RunFolder {
 public:
  explicit RunFolder(std::string path) : path_(std::move(path)) {
    std::error_code error;
    made_ = std::filesystem::create_directories(path_, error);
    if (error) throw FileError(message(path_, ": cannot make the folder: ", error.message()));
    const RunLock lock(path_);
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  ~RunFolder() {
    std::error_code ignored;
    if (!made_) return;
    std::filesystem::remove(path_ + "/lock", ignored);
    std::filesystem::remove(path_, ignored);  // if it is empty
  }
  void keep() { made_ = false; }

 private:
  std::string path_;
  bool made_ = false;
};

// Flags of `train` itself are for training a detector.
void refuse_flags_before(const CLI::App& train, const CLI::App& stage) {
  for (const CLI::Option* option : train.get_options()) {
    if (option->count() > 0)
      throw UsageError(message("train ", option->get_name(), " ", stage.get_name(),
                               ": a stage takes its own flags, after its name"));
  }
}

template <class Learner, class Options>
int train_stage(const CLI::App& verb, StageFlags<Options>& flags) {
  refuse_several_processes("train " + verb.get_name());
  choose_execution(flags.threads, flags.isa);
  std::optional<StageCheckpoint> from;
  if (!flags.resume.empty()) {
    const std::string path = find_checkpoint(flags.resume);
    from = read_stage_checkpoint(path);
    if (from->stage != verb.get_name())
      throw UsageError(message("--resume ", path, ": is of `train ", from->stage, "`"));
    const Options then =
        read_description(path, [&] { return option_values::parse<Options>(from->options, path); });
    refuse_changes(verb, option_values::described(flags.options), option_values::described(then));
    flags.options = then;
    flags.run.folder = resumed_folder(path, flags.run.folder);
  } else {
    if (flags.run.folder.empty())
      throw UsageError("--out DIR is needed: a folder for checkpoints, tables and the result");
    refuse_other_training(flags.run.folder);
  }
  if (!flags.quiet) warn_if_slow();
  RunFolder folder(flags.run.folder);
  Learner learner(flags.options);
  folder.keep();
  StageProgress progress(flags.run.minutes);
  StageObserver silent;
  const StageResult result =
      run_stage(learner, flags.run, from, flags.quiet ? silent : progress, stop_on_signals());
  const auto unreadable = learner.unreadable();
  for (const auto& [path, why] : unreadable) say(with_path(path, why));
  print(message("step ", result.step, " of ", learner.steps(), ": ",
                StageProgress::text(result.validation), "\n", flags.run.folder, "/last.safetensors",
                result.end == StageEnd::finished
                    ? ""
                    : message("\nstopped; --resume ", flags.run.folder, " goes on"),
                "\n"));
  return unreadable.empty() ? kExitDone : kExitSomeFailed;
}

template <class Learner, class Options>
CLI::App* add_stage(CLI::App& train, int& exit_code, const char* name, const char* description) {
  const auto flags = std::make_shared<StageFlags<Options>>();
  StageFlags<Options>& f = *flags;
  CLI::App* verb = train.add_subcommand(name, description);
  verb->add_option("--out", f.run.folder, "Folder for checkpoints, tables and the result")
      ->type_name("DIR");
  verb->add_option("--resume", f.resume, "Go on with a run: its folder, or one of its checkpoints")
      ->type_name("PATH");
  verb->add_option("--log-every", f.run.log_every, "Steps between lines of metrics")
      ->check(number_between(1, 1e9))
      ->capture_default_str();
  verb->add_option("--validate-every", f.run.validate_every, "Steps between validations")
      ->check(number_between(1, 1e9))
      ->capture_default_str();
  verb->add_option("--checkpoint-every", f.run.checkpoint_every, "Steps between checkpoints")
      ->check(number_between(1, 1e9))
      ->capture_default_str();
  verb->add_option("--minutes", f.run.minutes, "Stop after that long, with a checkpoint; 0: never")
      ->check(number_between(0, 1e9));
  verb->add_option("--threads", f.threads, "Threads");
  verb->add_option("--isa", f.isa, "Instruction set");
  verb->add_flag("-q,--quiet", f.quiet, "No progress");
  add_option_flags(*verb, f.options);
  verb->callback([&train, verb, flags, &exit_code] {
    refuse_flags_before(train, *verb);
    exit_code = train_stage<Learner>(*verb, *flags);
  });
  return verb;
}

}  // namespace

void add_train_stages(CLI::App& train, int& exit_code) {
  add_stage<DecoderLearner, DecoderTrainingOptions>(
      train, exit_code, "decoder",
      "Dense branch, stage (a): learn to decode codes of random faces to meshes");
  add_stage<HeadLearner, HeadTrainingOptions>(
      train, exit_code, "head",
      "Dense branch, stage (b): learn codes, cameras and lights of synthetic faces from a "
      "detector's features");
  add_stage<CropLearner, CropTrainingOptions>(
      train, exit_code, "crops",
      "Dense branch, stage (c): go on with faces of photographs, by the paper's pixel loss");
}

}  // namespace rf::cli
