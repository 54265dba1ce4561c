// retinaface train: learns a detector from labelled pictures.
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "engine/world.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/mpi_world.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/train_progress.hpp"
#include "retinaface/cli/train_stages.hpp"
#include "retinaface/cli/training_flags.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/data/check.hpp"
#include "retinaface/training/estimate.hpp"
#include "retinaface/training/train.hpp"

namespace rf::cli {

namespace {

struct TrainFlags {
  TrainingOptions options;
  RunOptions run;
  std::string resume;
  int workers = 1;
  Index cache_mb = 1024;
  int threads = 0;
  std::string isa;
  bool check_data = false, dry_run = false;
  bool quiet = false;
};

// --- options

template <class T>
void unless_given(const CLI::App& verb, const char* flag, T& value, const T& wanted) {
  if (verb.count(flag) == 0) value = wanted;
}

// What --overfit asks for where no flag says otherwise: a rate that does not fall, every layer
// learning, and an end after ten minutes.
void apply_overfit_defaults(const CLI::App& verb, TrainingOptions& o) {
  unless_given(verb, "--epochs", o.epochs, 5000.0);
  unless_given(verb, "--batch", o.batch, std::min<Index>(o.overfit, 8));
  unless_given<std::string>(verb, "--schedule", o.schedule, "constant");
  unless_given(verb, "--freeze", o.freeze, Index{0});
  unless_given(verb, "--weight-decay", o.weight_decay, 0.0);
  unless_given(verb, "--clip", o.clip, 10.0);
}

// The same for the run, also when it goes on.
void apply_overfit_defaults(const CLI::App& verb, RunOptions& run) {
  unless_given(verb, "--minutes", run.minutes, 10.0);
  unless_given(verb, "--validate-every", run.validate_every, 25.0);
}

// --- without training

int check_data_sets(const TrainFlags& flags) {
  if (flags.options.data.empty()) throw UsageError("--check-data: --data DIR says what to check");
  bool clean = true;
  for (const std::string& flag : flags.options.data) {
    const DataSource source = parse_data_flag(flag);
    DataCheck found;
    {
      std::unique_ptr<Progress> bar;
      found = check_data(source, [&](Index done, Index total) {
        if (!bar) bar = std::make_unique<Progress>("check", total, !flags.quiet);
        bar->step(done);
      });
    }
    clean = clean && found.problems.empty();
    // Names in a label file may hold anything, escape sequences too.
    std::istringstream lines(to_text(found));
    for (std::string line; std::getline(lines, line);) print(one_line(line) + "\n");
  }
  return clean ? kExitDone : kExitSomeFailed;
}

std::string memory_text(const TrainingEstimate& e) {
  const auto megabytes = [](Index bytes) { return fixed(static_cast<double>(bytes) / 1e6, 0); };
  return message("memory: ", megabytes(e.network_bytes), " MB for steps, ",
                 megabytes(e.batch_bytes), " MB for batches in advance, up to ",
                 megabytes(e.cache_bytes), " MB for decoded pictures");
}

// The paper's network can need more than there is; that is better known before hours of training.
void tell_memory(const TrainFlags& flags) {
  if (flags.options.network != "paper" || world().size() > 1) return;
  try {
    say(memory_text(estimate_training(flags.options, flags.run)));
  } catch (const Error& error) {  // what is wrong with the training itself, training says
    say(message("note: memory could not be estimated: ", error.what()));
  }
}

int dry_run(const TrainFlags& flags) {
  const TrainingEstimate e = estimate_training(flags.options, flags.run);
  const double images = static_cast<double>(e.steps * flags.options.batch);
  print(message(e.pictures, " pictures, ", e.steps, " steps of ", flags.options.batch, "; ",
                e.parameters, " numbers to learn\n", memory_text(e), "\n",
                "time: ", fixed(e.seconds_per_picture * 1000, 1), " ms a picture, ",
                duration_text(e.seconds_per_picture * images),
                " in all, and what validation takes\n"));
  return kExitDone;
}

std::optional<Checkpoint> prepare(const CLI::App& verb, TrainFlags& flags) {
  flags.run.loader.threads = flags.workers;
  flags.run.loader.cached_bytes = flags.cache_mb << 20;
  if (!flags.resume.empty()) {
    const std::string path = find_checkpoint(flags.resume);
    Checkpoint checkpoint = read_checkpoint(path);
    refuse_changes(verb, described(flags.options), described(checkpoint.options));
    flags.options = checkpoint.options;
    flags.run.folder = resumed_folder(path, flags.run.folder);
    if (flags.options.overfit > 0) apply_overfit_defaults(verb, flags.run);
    return checkpoint;
  }
  if (flags.options.overfit > 0) {
    apply_overfit_defaults(verb, flags.options);
    apply_overfit_defaults(verb, flags.run);
  }
  if (flags.dry_run) return std::nullopt;
  if (flags.run.folder.empty())
    throw UsageError("--out DIR is needed: a folder for checkpoints, metrics and the report");
  refuse_other_training(flags.run.folder);
  return std::nullopt;
}

int train_verb(const CLI::App& verb, TrainFlags& flags) {
  choose_execution(flags.threads, flags.isa);
  std::optional<MpiSession> together;
  if (flags.check_data) refuse_several_processes("train --check-data");
  if (flags.dry_run) refuse_several_processes("train --dry-run");
  if (const Launch launch = how_launched(); !launch.alone()) together.emplace(launch);
  if (flags.check_data) return check_data_sets(flags);
  const std::optional<Checkpoint> from = prepare(verb, flags);
  if (flags.dry_run) {
    if (from) flags.options.init.clear();  // not read again, and may be gone
    return dry_run(flags);
  }
  const bool first = world().rank() == 0;
  if (!flags.quiet && first) warn_if_slow();
  if (!flags.quiet && !from) tell_memory(flags);
  TrainProgress progress(flags.options, flags.run, flags.quiet);
  const TrainingResult result = train(flags.options, flags.run, from, progress, stop_on_signals());
  if (first) {
    progress.finish(result);
  } else {
    for (const auto& [path, why] : result.unreadable)
      say(message("process ", world().rank(), ": ", with_path(path, why)));
  }
  return result.unreadable.empty() ? kExitDone : kExitSomeFailed;
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("train", "Learn a detector from labelled pictures");
  const auto flags = std::make_shared<TrainFlags>();
  TrainFlags& f = *flags;
  verb->add_option("--out", f.run.folder, "Folder for checkpoints, metrics, models and the report")
      ->type_name("DIR");
  verb->add_option("--resume", f.resume, "Go on with a run: its folder, or one of its checkpoints")
      ->type_name("PATH");
  verb->add_option("--log-every", f.run.log_every, "Steps between lines of metrics")
      ->check(number_between(1, 1e9))
      ->capture_default_str();
  verb->add_option("--checkpoint-every", f.run.checkpoint_every, "Steps between checkpoints")
      ->check(number_between(1, 1e9))
      ->capture_default_str();
  verb->add_option("--keep", f.run.keep, "Last checkpoints that are kept, beside the best one")
      ->check(number_between(1, 1e6))
      ->capture_default_str();
  verb->add_option("--validate-every", f.run.validate_every, "Epochs between validations; 0: none")
      ->check(number_between(0, 1e9))
      ->capture_default_str();
  verb->add_option("--minutes", f.run.minutes, "Stop after that long, with a checkpoint; 0: never")
      ->check(number_between(0, 1e9));
  verb->add_flag("--recompute", f.run.recompute,
                 "Keep less for the gradients and compute it again: the same result, more time, a "
                 "fraction of the memory");
  verb->add_option("--workers", f.workers, "Threads that prepare pictures")
      ->check(number_between(1, 256))
      ->capture_default_str();
  verb->add_option("--cache-mb", f.cache_mb, "Memory for decoded pictures")
      ->check(number_between(0, 1e7))
      ->capture_default_str();
  verb->add_option("--threads", f.threads, "Threads of the network");
  verb->add_option("--isa", f.isa, "Instruction set");
  verb->add_flag("--check-data", f.check_data,
                 "List the lines of --data that cannot be right, and train nothing");
  verb->add_flag("--dry-run", f.dry_run, "Say what memory and time it takes, and train nothing");
  verb->add_flag("-q,--quiet", f.quiet, "No progress");
  add_option_flags(*verb, f.options);
  verb->footer(
      "Examples:\n"
      "  retinaface train --check-data --data wider/train\n"
      "  retinaface train --data wider/train --init mobilenetV1X0.25_pretrain.tar --out "
      "runs/first\n"
      "  retinaface train --resume runs/first\n"
      "Exit codes: 0 done or stopped with a checkpoint, 1 some pictures could not be read (with "
      "--check-data: lines\n"
      "are listed), 2 usage, 3 nothing learned or nothing could be written, 4 model file or "
      "checkpoint, 70 a bug.\n"
      "docs/training.md explains all of it.");
  add_train_stages(*verb, exit_code);
  verb->callback([verb, flags, &exit_code] {
    if (verb->get_subcommands().empty()) exit_code = train_verb(*verb, *flags);
  });
}

}  // namespace rf::cli
