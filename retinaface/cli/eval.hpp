// What the evaluations share: how the detector is run, and how their reports write numbers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/file.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/test_time.hpp"

namespace rf::cli {

// One file each, eval_<name>.cpp.
void add_eval_wider(CLI::App& eval, int& exit_code);
void add_eval_landmarks(CLI::App& eval, int& exit_code);
void add_eval_dense(CLI::App& eval, int& exit_code);

struct RunFlags {
  std::string model;
  DetectorOptions detector;
  int threads = 0, jobs = 0;
  std::string isa;
  bool overwrite = false, json = false, quiet = false;

  [[nodiscard]] IfExists if_exists() const {
    return overwrite ? IfExists::replace : IfExists::refuse;
  }
};

// --threads, --jobs, --isa, --overwrite, --json (an object of `schema`) and --quiet.
void add_run_flags(CLI::App& verb, RunFlags& flags, const std::string& schema);

// How the detector was run.
struct DetectorRun {
  std::string model_name, model_sha256;
  std::string size;
  std::optional<TestTimeOptions> test_time;
  double score = 0, nms = 0;
  Index images = 0, failed = 0;  // failed: could not be decoded
  double seconds = 0;            // all images, from files to faces
  double network_seconds = 0;    // summed over the images, some of them side by side
  int jobs = 1;                  // images at a time
  double peak_memory_mb = 0;
};

// What can be said before the first image, and after the last.
[[nodiscard]] DetectorRun begin_run(const Pipeline& pipeline, const DetectorOptions& options);
void end_run(DetectorRun& run, double milliseconds, double network_milliseconds);

// "model NAME, sha256 0123456789ab; size original; score > 0.02; NMS 0.40; no flip; no voting".
[[nodiscard]] std::string protocol_text(const DetectorRun& run);
// The size rule, or the rules of all passes with commas between.
[[nodiscard]] std::string size_text(const DetectorRun& run);
// Says on stderr how long it took.
void say_speed(const DetectorRun& run);
// The object "run", without a run of the detector only the version.
[[nodiscard]] nlohmann::ordered_json json_run(const DetectorRun* run);

// Before an hour of detection, not after it: throw FileError when `path` exists; when no file can
// be written there.
void refuse_existing(const std::string& path);
void require_writable(const std::string& path, bool overwrite);

// Throws FileError naming the first of those that do not exist and how many of them do not;
// `advice` ends the line.
void require_files(const std::vector<std::string>& paths, const std::string& advice);

[[nodiscard]] std::string percent(double fraction);  // "12.34"
[[nodiscard]] double rounded(double value, int decimals);
[[nodiscard]] std::string left(const std::string& text, std::size_t width);
[[nodiscard]] std::string right(const std::string& text, std::size_t width);

}  // namespace rf::cli
