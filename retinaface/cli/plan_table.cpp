#include "retinaface/cli/plan_table.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/check.hpp"
#include "engine/plan/cost_model.hpp"
#include "retinaface/cli/results.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr Index kRuns = 20;

std::vector<Index> sizes(const Shape& shape) { return {shape.dims().begin(), shape.dims().end()}; }

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

Json machine_json(const MachineSpeed& machine) {
  Json memory = Json::array();
  for (const MemoryLevel& level : machine.memory)
    memory.push_back({{"bytes", level.bytes}, {"gb_s", rounded(level.bytes_per_second / 1e9)}});
  return {{"peak_gflop_s", rounded(machine.flops / 1e9)}, {"memory", memory}};
}

std::string percent(double part, double whole) {
  return whole > 0 ? fixed(100 * part / whole, 0) + " %" : "";
}

std::string text_of(const Json& machine) {
  std::string text = message("peak ", fixed(machine["peak_gflop_s"].get<double>(), 1), " GFLOP/s");
  for (const Json& level : machine["memory"]) {
    text += message("; ", fixed(level["gb_s"].get<double>(), 1), " GB/s up to ",
                    fixed(level["bytes"].get<double>() / 1e6, 2), " MB");
  }
  return text;
}

}  // namespace

Json plan_json(const Plan& plan, ImageSize seen) {
  double most_bytes = 0;
  for (const PlanStep& step : plan.steps()) most_bytes = std::max(most_bytes, step.bytes);
  const MachineSpeed machine = measure_machine_speed(most_bytes);
  Plan::Workspace workspace(plan);
  const std::vector<double> ms =
      plan.measure({Tensor::zeros({1, 3, seen.height, seen.width})}, workspace, kRuns);
  Json steps = Json::array();
  for (std::size_t i = 0; i < ms.size(); ++i) {
    const PlanStep& step = plan.steps()[i];
    const StepCost cost = predicted_cost(step, machine);
    Json inputs = Json::array();
    for (const Shape& shape : step.inputs) inputs.push_back(sizes(shape));
    steps.push_back({{"op", step.op},
                     {"kernel", step.kernel},
                     {"inputs", inputs},
                     {"output", sizes(step.output)},
                     {"flops", step.flops},
                     {"kernel_flops", step.kernel_flops},
                     {"bytes", step.bytes},
                     {"ms", rounded(ms[i])},
                     {"predicted_ms", rounded(cost.ms())},
                     {"bound", cost.arithmetic_ms > cost.memory_ms ? "arithmetic" : "memory"},
                     {"share_of_limit", ms[i] > 0 ? Json(rounded(cost.ms() / ms[i])) : Json()}});
  }
  return {{"memory_bytes", plan.memory_bytes()},
          {"threads", workspace.threads()},
          {"machine", machine_json(machine)},
          {"steps", steps}};
}

std::string plan_text(const Json& plan) {
  std::string text =
      "| step | operation | kernel | from | to | MFLOP | MB | ms | GFLOP/s | predicted ms | bound "
      "| "
      "of limit |\n"
      "|---:|---|---|---|---|---:|---:|---:|---:|---:|---|---:|\n";
  double flops = 0, total = 0, predicted = 0;
  Index number = 0;
  for (const Json& step : plan["steps"]) {
    const double of_step = step["flops"], ms = step["ms"], at_least = step["predicted_ms"];
    flops += of_step;
    total += ms;
    predicted += at_least;
    text += message("| ", ++number, " | ", step["op"].get<std::string>(), " | ",
                    step["kernel"].get<std::string>(), " | ", step["inputs"][0].dump(), " | ",
                    step["output"].dump(), " | ", fixed(of_step / 1e6, 2), " | ",
                    fixed(step["bytes"].get<double>() / 1e6, 2), " | ", fixed(ms, 3), " | ",
                    ms > 0 ? fixed(of_step / ms / 1e6, 1) : "", " | ", fixed(at_least, 3), " | ",
                    step["bound"].get<std::string>(), " | ", percent(at_least, ms), " |\n");
  }
  const Index threads = plan["threads"];
  return text + message("\n", number, " steps, ", fixed(flops / 1e6, 1), " MFLOP, ",
                        fixed(total, 2), " ms, predicted ", fixed(predicted, 2), " ms (",
                        percent(predicted, total), "); values take ",
                        fixed(plan["memory_bytes"].get<double>() / 1e6, 2), " MB\n",
                        "Limits, measured on ", threads, threads == 1 ? " thread" : " threads",
                        " just before: ", text_of(plan["machine"]), "\n");
}

}  // namespace rf::cli
