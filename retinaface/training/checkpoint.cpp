#include "retinaface/training/checkpoint.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "weights/json.hpp"
#include "weights/safetensors.hpp"
#include "weights/sha256.hpp"

namespace rf {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kKey = "retinaface-checkpoint";
constexpr const char* kSchema = "retinaface-checkpoint/1";
constexpr std::string_view kPrefix = "checkpoint-", kSuffix = ".safetensors";

std::string hash_of(const StateDict& state) {
  Sha256 sha;
  for (const auto& it : safetensors_order(state)) {
    sha.update({static_cast<const std::byte*>(it->second.raw()),
                static_cast<std::size_t>(it->second.bytes())});
  }
  return sha.hex();
}

}  // namespace

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  const Json json = {{"schema", kSchema},
                     {"step", checkpoint.step},
                     {"options", Json::parse(to_json(checkpoint.options))},
                     {"data_sha256", checkpoint.data_sha256},
                     {"teacher_sha256", checkpoint.teacher_sha256},
                     {"best_step", checkpoint.best_step},
                     {"best_ap", checkpoint.best_ap},
                     {"sha256", hash_of(checkpoint.state)}};
  write_safetensors(path, checkpoint.state, {{kKey, json.dump()}}, IfExists::replace);
}

Checkpoint read_checkpoint(const std::string& path) {
  try {
    SafetensorsFile file = read_safetensors(path);
    const auto text = file.metadata.find(kKey);
    if (text == file.metadata.end())
      throw ModelError(message(path, ": is no checkpoint of a training"));
    const Json json = parse_json<Json>(text->second, path + ": its description");
    if (!json.is_object() || json.value("schema", "") != kSchema) {
      throw ModelError(
          message(path, ": is a checkpoint of another version; this program reads ", kSchema));
    }
    if (json.at("sha256") != sha256_hex(file.data))
      throw ModelError(message(path,
                               ": its tensors do not have the SHA-256 that it says; it is "
                               "damaged"));
    const auto steps = [&](const char* key) {
      const Json& value = json.at(key);
      if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > 1e15)
        throw ModelError(message(path, ": its description has no number of steps in ", key));
      return value.get<Index>();
    };
    Checkpoint checkpoint{.step = steps("step"),
                          .options = parse_training_options(json.at("options").dump(), path),
                          .data_sha256 = json.at("data_sha256").get<std::string>(),
                          .teacher_sha256 = json.at("teacher_sha256").get<std::string>(),
                          .best_step = steps("best_step"),
                          .best_ap = json.at("best_ap").get<double>(),
                          .state = std::move(file.tensors)};
    if (checkpoint.best_step > checkpoint.step)
      throw ModelError(message(path, ": its best step ", checkpoint.best_step, " is after step ",
                               checkpoint.step));
    return checkpoint;
  } catch (const ModelError&) {
    throw;
  } catch (const Error& error) {
    const std::string what = error.what();
    throw ModelError(what.starts_with(path) ? what : path + ": " + what);
  } catch (const nlohmann::json::exception&) {
    throw ModelError(message(path, ": its description lacks a key, or has one of another type"));
  }
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
