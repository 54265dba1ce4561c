#include "retinaface/cli/bench_grid.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "retinaface/cli/bench_one.hpp"
#include "retinaface/cli/child_process.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Configuration {
  std::string size, isa;
  int threads;

  [[nodiscard]] std::string text() const {
    return message(size, ", ", isa, ", ", threads, threads == 1 ? " thread" : " threads");
  }
};

// Small pictures first: much is known soon.
std::vector<Configuration> configurations(const BenchGrid& grid) {
  std::vector<Configuration> all;
  for (const std::string& size : grid.sizes) {
    for (const std::string& isa : grid.isas) {
      for (const int threads : grid.threads) all.push_back({size, isa, threads});
    }
  }
  return all;
}

// What the process of one row prints: an object of retinaface-bench/1. Throws Error.
Json measure(const BenchGrid& grid, const Configuration& c) {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  std::vector<std::string> arguments{"bench",
                                     "--json",
                                     "--size=" + c.size,
                                     "--isa=" + c.isa,
                                     message("--threads=", c.threads),
                                     message("--started=", now.count())};
  if (!grid.model.empty()) arguments.push_back("--model=" + grid.model);
  if (grid.runs > 0) arguments.push_back(message("--runs=", grid.runs));
  const ChildOutcome outcome = run_child(arguments);
  if (!outcome.error.empty()) throw Error(outcome.error);
  const std::size_t line = outcome.output.find("\n{");  // after notes
  Json json = Json::parse(outcome.output.substr(line == std::string::npos ? 0 : line), nullptr,
                          /*allow_exceptions=*/false);
  if (!json.is_object()) throw Error("it printed no result");
  return json;
}

// The row of the JSON object, which says once what is the same in all of them.
Json row_of(const Configuration& c, const Json& measured) {
  Json row{{"size", c.size}, {"isa", c.isa}, {"threads", c.threads}};
  for (const char* key : {"width", "height", "cold_ms", "load_ms", "first_ms", "network_ms",
                          "network_min", "total_ms", "total_min", "runs", "flops", "gflop_s",
                          "peak_gflop_s", "share_of_peak", "peak_memory_mb"}) {
    row[key] = measured.at(key);
  }
  return row;
}

std::string heading(const LoadedModel& model) {
  return message(program_line(), "; model ", one_line(model.config.name), ", sha256 ", model.sha256,
                 R"(

Each row is a process of its own. Cold: from its start to the faces of the first picture, the model read and the plan made;
then the network alone, from the float image tensor to every box, score and landmark value. GFLOP/s count the operations of
direct convolution, whatever the kernels do: Winograd's need fewer, so that more than 100 % of the peak is possible. Peak:
multiply-adds in registers, in the same process with as many threads, just before the network.

| size | kernels | threads | cold ms | median ms | min ms | runs | GFLOP/s | peak GFLOP/s | of peak | memory MB |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
)");
}

std::string markdown(const Json& row) {
  const auto number = [&](const char* key, int decimals) {
    return fixed(row[key].get<double>(), decimals);
  };
  return message("| ", row["width"], "x", row["height"], " | ", row["isa"].get<std::string>(),
                 " | ", row["threads"], " | ", number("cold_ms", 1), " | ", number("network_ms", 2),
                 " | ", number("network_min", 2), " | ", row["runs"], " | ", number("gflop_s", 1),
                 " | ", number("peak_gflop_s", 1), " | ",
                 fixed(100 * row["share_of_peak"].get<double>(), 0), " % | ",
                 number("peak_memory_mb", 1), " |\n");
}

}  // namespace

void fill_in(BenchGrid& grid) {
  if (grid.sizes.empty()) grid.sizes = {"320x320", "640x480", "1280x720", "1920x1080", "4096x2160"};
  if (grid.isas.empty() && kernels_reason() == "RF_ISA") grid.isas = {kernels().name};
  if (grid.isas.empty()) {
    for (const KernelTable* table : supported_kernel_tables()) grid.isas.emplace_back(table->name);
  }
  if (!grid.threads.empty()) return;
  const int most = thread_limit().count;
  for (int threads = 1; threads < most; threads *= 2) grid.threads.push_back(threads);
  grid.threads.push_back(most);
}

int bench_grid(const BenchGrid& grid, bool json) {
  const LoadedModel model = chosen_model(grid.model);  // a bad one would fail every row
  const std::vector<Configuration> all = configurations(grid);
  if (!json) print(heading(model));
  Json rows = Json::array();
  std::size_t failed = 0;
  {
    Progress progress("bench", static_cast<Index>(all.size()), true);
    for (const Configuration& c : all) {
      progress.step(static_cast<Index>(rows.size()));
      try {
        rows.push_back(row_of(c, measure(grid, c)));
        if (!json) print(markdown(rows.back()));
      } catch (const Error& error) {
        ++failed;
        say(message("bench: ", c.text(), ": ", error.what()));
        rows.push_back({{"size", c.size},
                        {"isa", c.isa},
                        {"threads", c.threads},
                        {"error", one_line(error.what())}});
      }
      flush_results();
    }
  }
  if (json) {
    const Json object{{"schema", "retinaface-bench-grid/1"},
                      {"version", version()},
                      {"build", build()},
                      {"compiler", compiler()},
                      {"cpu", cpu_name()},
                      {"model", model.path},
                      {"model_name", model.config.name},
                      {"model_sha256", model.sha256},
                      {"rows", rows}};
    print(object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  return failed == 0 ? kExitDone : failed == all.size() ? kExitInput : kExitSomeFailed;
}

}  // namespace rf::cli
