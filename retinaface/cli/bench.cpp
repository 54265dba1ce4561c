// retinaface bench: how long detection takes on this machine.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/cli/bench_grid.hpp"
#include "retinaface/cli/bench_one.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/size_rule.hpp"

namespace rf::cli {

namespace {

struct BenchFlags {
  std::string photo, model;
  std::vector<std::string> sizes, isas;
  std::vector<int> threads;
  int runs = 0;
  bool grid = false, json = false;
  std::int64_t started_ns = 0;
};

// The value of a flag that may be given several for the grid alone.
template <class T>
T only(const std::vector<T>& values, const char* flag, const T& otherwise) {
  if (values.size() > 1)
    throw UsageError(
        message("bench: ", flag, " has ", values.size(), " values; --grid measures each"));
  return values.empty() ? otherwise : values.front();
}

int one(const BenchFlags& flags) {
  const BenchSetup setup{.photo = flags.photo,
                         .model = flags.model,
                         .size = only<std::string>(flags.sizes, "--size", "640x480"),
                         .runs = flags.runs,
                         .started_ns = flags.started_ns};
  (void)SizeRule::parse(setup.size);
  choose_execution(only(flags.threads, "--threads", 0), only<std::string>(flags.isas, "--isa", ""));
  warn_if_slow();
  const nlohmann::ordered_json measured = bench_one(setup);
  print(flags.json
            ? measured.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n"
            : bench_one_text(measured));
  return kExitDone;
}

int grid(const BenchFlags& flags) {
  if (!flags.photo.empty())
    throw UsageError("bench: --grid measures synthetic pictures, and no PHOTO");
  for (const std::string& size : flags.sizes) (void)SizeRule::parse(size);
  choose_execution(0, "");  // RF_THREADS and RF_ISA
  for (const std::string& isa : flags.isas) (void)supported_table(isa);
  BenchGrid grid{.model = flags.model,
                 .sizes = flags.sizes,
                 .isas = flags.isas,
                 .threads = flags.threads,
                 .runs = flags.runs};
  fill_in(grid);
  return bench_grid(grid, flags.json);
}

int bench(const BenchFlags& flags) {
  require_model("bench", flags.model);
  const bool chosen =
      !flags.photo.empty() || !flags.sizes.empty() || !flags.isas.empty() || !flags.threads.empty();
  return flags.grid || !chosen ? grid(flags) : one(flags);
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("bench", "Measure how long detection takes on this machine");
  const auto flags = std::make_shared<BenchFlags>();
  verb->add_option(
          "photo", flags->photo,
          "An image file: the stages of its detection are measured; without one those of a "
          "synthetic picture of --size")
      ->type_name("PHOTO");
  verb->add_flag(
      "--grid", flags->grid,
      "Measure every combination of --size, --isa and --threads, each in a process of its "
      "own; each may\n"
      "have several values, separated by commas. Minutes. Default when there is no PHOTO "
      "and none of the three");
  add_model_flag(*verb, flags->model, "As for detect. ");
  const auto add_list = [&](const char* name, auto& values, const std::string& description) {
    return verb->add_option(name, values, description)->delimiter(',')->allow_extra_args(false);
  };
  add_list("--size", flags->sizes,
           "As for detect. Default 640x480, the size that published timings use, so that numbers "
           "compare; with --grid\n"
           "320x320, 640x480, 1280x720, 1920x1080, 4096x2160")
      ->type_name("RULE");
  add_list("--threads", flags->threads,
           "As for detect. Default: all CPUs this process may use; with --grid 1, 2, 4, .. up to "
           "them")
      ->type_name("N")
      ->check(number_between(1, 1024));
  add_list("--isa", flags->isas,
           "As for detect. Default: the best this CPU runs; with --grid all that it runs")
      ->type_name("NAME");
  verb->add_option(
          "--runs", flags->runs,
          "Timed runs after one warm-up. Default: 20, more until a second has passed, fewer "
          "when five have;\n"
          "the median then hardly moves")
      ->type_name("N")
      ->check(number_between(1, 1e6));
  verb->add_flag("--json", flags->json,
                 "Print one JSON object; network_ms is the median of the network alone");
  // How --grid tells its processes when they were started.
  verb->add_option("--started", flags->started_ns)->group("");
  verb->callback([flags, &exit_code] { exit_code = bench(*flags); });
}

}  // namespace rf::cli
