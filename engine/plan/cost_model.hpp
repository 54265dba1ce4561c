// How long a step of a plan takes at least (the roofline model: Williams, Waterman and Patterson
// 2009).
#pragma once

#include "engine/machine_speed.hpp"
#include "engine/plan/plan.hpp"

namespace rf {

struct StepCost {
  double arithmetic_ms;  // the kernel's operations at the machine's peak
  double memory_ms;      // the step's bytes at the speed of the memory that holds them

  // Neither can be beaten while both go on at once.
  [[nodiscard]] double ms() const { return arithmetic_ms > memory_ms ? arithmetic_ms : memory_ms; }
};

[[nodiscard]] StepCost predicted_cost(const PlanStep& step, const MachineSpeed& machine);

}  // namespace rf
