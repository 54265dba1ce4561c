#include "retinaface/training/checkpoint.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "engine/check.hpp"
#include "weights/described_state.hpp"

namespace rf {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr FileSchema kSchema{.key = "retinaface-checkpoint",
                             .schema = "retinaface-checkpoint/1",
                             .what = "checkpoint of a training"};
constexpr std::string_view kPrefix = "checkpoint-", kSuffix = ".safetensors";

}  // namespace

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  const Json json = {{"step", checkpoint.step},
                     {"options", Json::parse(to_json(checkpoint.options))},
                     {"data_sha256", checkpoint.data_sha256},
                     {"teacher_sha256", checkpoint.teacher_sha256},
                     {"dense_sha256", checkpoint.dense_sha256},
                     {"best_step", checkpoint.best_step},
                     {"best_ap", checkpoint.best_ap}};
  write_described_state(path, kSchema,
                        {.description = json, .state = checkpoint.state, .sha256 = {}},
                        IfExists::replace);
}

Checkpoint read_checkpoint(const std::string& path) {
  DescribedState file = read_described_state(path, kSchema);
  return read_description(path, [&] {
    const Json& json = file.description;
    Checkpoint checkpoint{.step = described_count(json, "step", path),
                          .options = parse_training_options(json.at("options").dump(), path),
                          .data_sha256 = json.at("data_sha256").get<std::string>(),
                          .teacher_sha256 = json.at("teacher_sha256").get<std::string>(),
                          .dense_sha256 = json.value("dense_sha256", ""),
                          .best_step = described_count(json, "best_step", path),
                          .best_ap = json.at("best_ap").get<double>(),
                          .state = std::move(file.state)};
    if (checkpoint.best_step > checkpoint.step)
      throw ModelError(message(path, ": its best step ", checkpoint.best_step, " is after step ",
                               checkpoint.step));
    return checkpoint;
  });
}

std::string checkpoint_path(const std::string& folder, Index step) {
  std::string digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return folder + "/" + std::string(kPrefix) + digits + std::string(kSuffix);
}

std::vector<Index> checkpoint_steps(const std::string& folder) {
  std::vector<Index> steps;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const char* first = name.data() + kPrefix.size();
    const char* last = name.data() + name.size() - kSuffix.size();
    Index step = 0;
    const auto [stop, bad] = std::from_chars(first, last, step);
    // Only names that checkpoint_path() gives: not checkpoint-6, which it would not find again.
    if (bad == std::errc{} && stop == last && it->path() == fs::path(checkpoint_path(folder, step)))
      steps.push_back(step);
  }
  if (error) throw FileError(message(folder, ": cannot be listed: ", error.message()));
  std::sort(steps.begin(), steps.end());
  return steps;
}

void prune_checkpoints(const std::string& folder, Index keep, Index best_step) {
  const std::vector<Index> steps = checkpoint_steps(folder);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < steps.size(); ++i) {
    std::error_code ignored;  // a file that somebody else removed, or protects: nothing is lost
    if (steps[i] != best_step) fs::remove(checkpoint_path(folder, steps[i]), ignored);
  }
}

}  // namespace rf
