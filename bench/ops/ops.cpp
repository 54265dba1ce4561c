// Times every kernel of the table, on shapes that the networks have, as Markdown tables:
//
//   build/bench_ops [--isa avx512,avx2] [--threads 1,2] [--filter "winograd 3x3 64"] [--ms 100]
//
// "Of limit" is the least time by engine/plan/cost_model.hpp, divided by the median: the measured
// peak, or the measured speed of the memory that holds inputs and outputs. GFLOP/s count the
// operations of direct convolution; Winograd's kernel does fewer, and its limit is taken from
// those.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>

#include "bench/ops/cases.hpp"
#include "engine/kernels/table.hpp"
#include "engine/machine_speed.hpp"
#include "engine/parallel.hpp"
#include "engine/plan/cost_model.hpp"

namespace {

using rf::bench::Case;

struct Flags {
  std::vector<std::string> isas;
  std::vector<int> threads{rf::thread_count()};
  std::string filter;
  double ms = 100;
};

std::string name(const Case& c) { return c.kernel + " " + c.shape; }

// Milliseconds, sorted: of as many runs as `ms` hold, at least five, after one more; of one if `ms`
// is 0.
std::vector<double> times(const std::function<void()>& run, double ms) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  run();
  std::vector<double> result;
  const std::size_t least = ms > 0 ? 5 : 1;
  for (double total = 0; result.size() < least || total < ms; total += result.back()) {
    const auto start = std::chrono::steady_clock::now();
    run();
    result.push_back(Milliseconds(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(result.begin(), result.end());
  return result;
}

void print_row(const Case& c, const std::vector<double>& ms, const rf::MachineSpeed& machine) {
  const double median = ms[ms.size() / 2];
  rf::PlanStep step;
  step.kernel_flops = c.kernel_flops;
  step.bytes = c.bytes;
  const rf::StepCost cost = rf::predicted_cost(step, machine);
  std::cout << "| " << c.kernel << " | " << c.shape << " | " << std::setprecision(4) << median
            << " | " << ms.front() << " | " << std::setprecision(1);
  if (c.flops > 0) std::cout << c.flops / median / 1e6;
  std::cout << " | " << c.bytes / median / 1e6 << " | " << std::setprecision(0)
            << 100 * cost.ms() / median << " % | "
            << (cost.arithmetic_ms > cost.memory_ms ? "arithmetic" : "memory") << " |" << std::endl;
}

// Whether any case passed the filter.
bool measure(const Flags& flags) {
  std::vector<Case> cases = rf::bench::convolution_cases(), others = rf::bench::other_cases();
  cases.insert(cases.end(), others.begin(), others.end());
  std::erase_if(cases,
                [&](const Case& c) { return name(c).find(flags.filter) == std::string::npos; });
  if (cases.empty()) return false;
  double most_bytes = 0;
  for (const Case& c : cases) most_bytes = std::max(most_bytes, c.bytes);
  const rf::MachineSpeed machine = rf::measure_machine_speed(most_bytes);
  std::cout << std::fixed << std::setprecision(1) << "\n"
            << rf::kernels().name << ", " << rf::thread_count()
            << (rf::thread_count() == 1 ? " thread" : " threads")
            << "; measured limits: " << machine.flops / 1e9 << " GFLOP/s";
  for (const rf::MemoryLevel& level : machine.memory)
    std::cout << "; " << level.bytes_per_second / 1e9 << " GB/s up to " << level.bytes / 1e6
              << " MB";
  std::cout << "\n\n| kernel | shape | median ms | min ms | GFLOP/s | GB/s | of limit | bound |\n"
               "|---|---|---:|---:|---:|---:|---:|---|\n";
  for (const Case& c : cases) print_row(c, times(c.prepare(), flags.ms), machine);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  std::vector<std::string> known;
  for (const rf::KernelTable* table : rf::supported_kernel_tables())
    known.emplace_back(table->name);
  CLI::App app("Times every kernel on shapes of the networks");
  app.add_option("--isa", flags.isas, "instruction sets. Default: the best")
      ->delimiter(',')
      ->check(CLI::IsMember(known));
  app.add_option("--threads", flags.threads, "thread counts. Default: the CPUs of the process")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app.add_option("--filter", flags.filter, "only rows whose kernel and shape contain this");
  app.add_option("--ms", flags.ms, "milliseconds for each row. Default 100")
      ->check(CLI::Range(0.0, 1e6));
  CLI11_PARSE(app, argc, argv);
  if (flags.isas.empty()) flags.isas = {rf::kernels().name};
  for (const std::string& isa : flags.isas) {
    for (const rf::KernelTable* table : rf::supported_kernel_tables()) {
      if (isa == table->name) rf::use_kernels(*table);
    }
    for (const int threads : flags.threads) {
      rf::set_thread_limit(threads, "--threads");
      if (measure(flags)) continue;
      std::cerr << "bench_ops: no kernel and shape contain \"" << flags.filter << "\"\n";
      return 2;
    }
  }
}
