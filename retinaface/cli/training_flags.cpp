#include "retinaface/cli/training_flags.hpp"

#include <csignal>
#include <filesystem>

#include "retinaface/training/checkpoint.hpp"

namespace rf::cli {

namespace {

namespace fs = std::filesystem;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void request_stop(int number) {
  stop_requested.store(true);
  std::signal(number, SIG_DFL);
}

bool is_folder(const std::string& path) {
  std::error_code error;  // a name that is too long, a folder that may not be entered
  return fs::is_directory(path, error);
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  stop_requested = false;
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  return stop_requested;
}

void refuse_other_training(const std::string& folder) {
  if (is_folder(folder) && !checkpoint_steps(folder).empty())
    throw UsageError(
        message("--out ", folder, ": holds a training already; --resume goes on with it"));
}

std::string find_checkpoint(const std::string& where) {
  if (!is_folder(where)) return where;
  const std::vector<Index> steps = checkpoint_steps(where);
  if (steps.empty()) throw UsageError(message("--resume ", where, ": has no checkpoint"));
  return checkpoint_path(where, steps.back());
}

std::string resumed_folder(const std::string& checkpoint, const std::string& given) {
  const fs::path parent = fs::path(checkpoint).parent_path();
  std::string own = parent.empty() ? "." : parent.string();
  if (given.empty()) return own;
  std::error_code error;
  if (!fs::equivalent(given, own, error)) refuse_other_training(given);
  return given;
}

void refuse_changes(const CLI::App& verb, const DescribedOptions& given,
                    const DescribedOptions& then) {
  std::string changes;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto& [name, value] = given[i];
    if (verb.count("--" + name) == 0 || value == then[i].second) continue;
    changes += message(changes.empty() ? "" : "; ", "--", name, " ", value,
                       ", but the training has ", then[i].second);
  }
  if (!changes.empty())
    throw UsageError(message("--resume goes on with the options of the checkpoint: ", changes));
}

}  // namespace rf::cli
