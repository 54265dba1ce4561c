#include "engine/plan/cost_model.hpp"

namespace rf {

StepCost predicted_cost(const PlanStep& step, const MachineSpeed& machine) {
  return {.arithmetic_ms = 1e3 * step.kernel_flops / machine.flops,
          .memory_ms = 1e3 * step.bytes / machine.bytes_per_second(step.bytes)};
}

}  // namespace rf
