#include "retinaface/cli/plan_table.hpp"

#include <cmath>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/cli/results.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr Index kRuns = 20;

std::vector<Index> sizes(const Shape& shape) { return {shape.dims().begin(), shape.dims().end()}; }

}  // namespace

Json plan_json(const Plan& plan, ImageSize seen) {
  Plan::Workspace workspace(plan);
  const std::vector<double> ms =
      plan.measure({Tensor::zeros({1, 3, seen.height, seen.width})}, workspace, kRuns);
  Json steps = Json::array();
  for (std::size_t i = 0; i < ms.size(); ++i) {
    const PlanStep& step = plan.steps()[i];
    Json inputs = Json::array();
    for (const Shape& shape : step.inputs) inputs.push_back(sizes(shape));
    steps.push_back({{"op", step.op},
                     {"kernel", step.kernel},
                     {"inputs", inputs},
                     {"output", sizes(step.output)},
                     {"flops", step.flops},
                     {"bytes", step.bytes},
                     {"ms", std::round(ms[i] * 1e4) / 1e4}});
  }
  return {{"memory_bytes", plan.memory_bytes()}, {"steps", steps}};
}

std::string plan_text(const Json& plan) {
  std::string text =
      "| step | operation | kernel | from | to | MFLOP | MB | ms | GFLOP/s |\n"
      "|---:|---|---|---|---|---:|---:|---:|---:|\n";
  double flops = 0, total = 0;
  Index number = 0;
  for (const Json& step : plan["steps"]) {
    const double of_step = step["flops"], ms = step["ms"];
    flops += of_step;
    total += ms;
    text += message("| ", ++number, " | ", step["op"].get<std::string>(), " | ",
                    step["kernel"].get<std::string>(), " | ", step["inputs"][0].dump(), " | ",
                    step["output"].dump(), " | ", fixed(of_step / 1e6, 2), " | ",
                    fixed(step["bytes"].get<double>() / 1e6, 2), " | ", fixed(ms, 3), " | ",
                    ms > 0 ? fixed(of_step / ms / 1e6, 1) : "", " |\n");
  }
  return text + message("\n", number, " steps, ", fixed(flops / 1e6, 1), " MFLOP, ",
                        fixed(total, 2), " ms; values take ",
                        fixed(plan["memory_bytes"].get<double>() / 1e6, 2), " MB\n");
}

}  // namespace rf::cli
