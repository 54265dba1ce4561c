// retinaface eval: how good detections are, by the protocol of a benchmark.
#include "retinaface/cli/eval.hpp"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

void add_run_flags(CLI::App& verb, RunFlags& flags, const std::string& schema) {
  verb.add_option("--threads", flags.threads,
                  "Default: the CPUs this process may use, or RF_THREADS. Results are the same for "
                  "any number")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  verb.add_option("--jobs", flags.jobs,
                  "Images at a time, each on one thread. Default: as many as --threads; with 1 all "
                  "threads work on one image.\n"
                  "Results are the same for any number")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  verb.add_option("--isa", flags.isa,
                  "Instruction set: scalar, sse2, avx2, avx512, neon. Default: the best this CPU "
                  "runs, or RF_ISA")
      ->type_name("NAME");
  verb.add_flag("--overwrite", flags.overwrite,
                "Replace files that exist. By default this is an error");
  verb.add_flag("--json", flags.json,
                "Print one JSON object (schema " + schema + ") instead of the table");
  verb.add_flag("-q,--quiet", flags.quiet, "Errors only on stderr: no progress, no notes");
}

DetectorRun begin_run(const Pipeline& pipeline, const DetectorOptions& options) {
  const LoadedModel& model = pipeline.model();
  return {.model_name = model.config.name,
          .model_sha256 = model.sha256,
          .size = options.size,
          .test_time = {},
          .score = static_cast<double>(options.score),
          .nms = options.nms ? static_cast<double>(*options.nms) : model.config.nms.iou};
}

void end_run(DetectorRun& run, double milliseconds, double network_milliseconds) {
  run.seconds = milliseconds / 1000;
  run.network_seconds = network_milliseconds / 1000;
  run.peak_memory_mb = peak_memory_mb();
}

std::string protocol_text(const DetectorRun& run) {
  const TestTimeOptions once, &how = run.test_time ? *run.test_time : once;
  std::string sizes = (how.sizes.empty() ? "size " : "sizes ") + size_text(run);
  if (how.sizes.size() > 1 && !how.any_size) sizes += ", each for the faces it suits";
  if (run.test_time) {
    sizes += message(", passes of more than ", how.max_pixels, " pixels shrunk to that");
  }
  return message("model ", run.model_name, ", sha256 ", run.model_sha256.substr(0, 12), "; ", sizes,
                 "; score > ", rounded(run.score, 6), "; NMS ", fixed(run.nms, 2),
                 run.test_time ? " over all passes" : "", how.flip ? "; flip" : "; no flip",
                 how.vote ? "; box voting at " + fixed(*how.vote, 2) : "; no voting");
}

std::string size_text(const DetectorRun& run) {
  if (!run.test_time || run.test_time->sizes.empty()) return run.size;
  std::string text;
  for (const SizeRule& rule : run.test_time->sizes) text += (text.empty() ? "" : ",") + rule.text();
  return text;
}

void say_speed(const DetectorRun& run) {
  say(message(speed_text(run.images, run.seconds, run.jobs), "; peak memory ",
              fixed(run.peak_memory_mb, 0), " MB"));
}

nlohmann::ordered_json json_run(const DetectorRun* run) {
  nlohmann::ordered_json json{{"version", version()}};
  if (!run) return json;
  json["isa"] = kernels().name;
  json["threads"] = thread_count();
  json["seconds"] = rounded(run->seconds, 3);
  json["network_seconds"] = rounded(run->network_seconds, 3);
  json["images_per_second"] = rounded(static_cast<double>(run->images) / run->seconds, 2);
  json["peak_memory_mb"] = rounded(run->peak_memory_mb, 1);
  return json;
}

void refuse_existing(const std::string& path) {
  if (std::filesystem::exists(path))
    throw FileError(message(path, ": exists already; --overwrite replaces it"));
}

void require_writable(const std::string& path, bool overwrite) {
  if (!overwrite) refuse_existing(path);
  const AtomicFile nothing_yet(path, IfExists::replace);
}

void require_files(const std::vector<std::string>& paths, const std::string& advice) {
  const std::string* first = nullptr;
  std::size_t missing = 0;
  for (const std::string& path : paths) {
    if (std::filesystem::exists(path)) continue;
    if (!first) first = &path;
    ++missing;
  }
  if (!first) return;
  throw FileError(message(*first, ": is missing, as are ", missing - 1, " of ", paths.size(),
                          " images", advice));
}

std::string percent(double fraction) { return fixed(100 * fraction, 2); }

double rounded(double value, int decimals) {
  const double unit = std::pow(10.0, decimals);
  return std::round(value * unit) / unit;
}

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

void add_eval(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("eval", "Measure detections by the protocol of a benchmark");
  verb->require_subcommand(1);
  add_eval_wider(*verb, exit_code);
  add_eval_landmarks(*verb, exit_code);
  add_eval_dense(*verb, exit_code);
}

}  // namespace rf::cli
