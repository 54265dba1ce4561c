#include "engine/machine_speed.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/kernels/table.hpp"
#include "engine/plan/cost_model.hpp"

namespace rf::test {

TEST_CASE("multiply_add: every table counts its numbers and works on all of them", "[isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const auto count = static_cast<float>(table->multiply_adds);
    CHECK(count >= 1);
    CHECK(table->multiply_add(1, 0, 1) == count);
    CHECK(table->multiply_add(3, 0, 0.5F) == count / 2);
    CHECK(table->multiply_add(100, 0.5F, 1) == 2 * count);  // x = x / 2 + 1 tends to 2
    const float before = table->multiply_add(0, 0, 0);
    CHECK(table->multiply_add(2, 2, 1) == 4 * before + 3 * count);
  }
}

TEST_CASE("machine speed: the peak of every table is measured", "[isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    use_kernels(*table);
    CAPTURE(table->name);
    const double flops = measure_peak_flops();
    CHECK(std::isfinite(flops));
    CHECK(flops > 1e6);
  }
  use_kernels(*supported_kernel_tables().back());
}

TEST_CASE("machine speed: memory is measured up to what is asked for", "[machine]") {
  const MachineSpeed speed = measure_machine_speed(1e6);
  REQUIRE(speed.memory.size() >= 2);
  CHECK(speed.memory.back().bytes >= 1e6);
  for (std::size_t i = 0; i < speed.memory.size(); ++i) {
    CHECK(speed.memory[i].bytes_per_second > 1e6);
    if (i > 0) {
      CHECK(speed.memory[i - 1].bytes < speed.memory[i].bytes);
      CHECK(speed.memory[i - 1].bytes < 1e6);
    }
  }
  CHECK(measure_machine_speed(1).memory.size() == 1);
}

TEST_CASE("cost model: a step takes as long as the slower of arithmetic and memory", "[plan]") {
  const MachineSpeed machine{.flops = 1e11, .memory = {{1e3, 4e10}, {1e6, 1e10}}};
  CHECK(machine.bytes_per_second(1) == 4e10);
  CHECK(machine.bytes_per_second(1e3) == 4e10);
  CHECK(machine.bytes_per_second(1001) == 1e10);
  CHECK(machine.bytes_per_second(1e9) == 1e10);
  PlanStep step;
  step.flops = 8e8;
  step.kernel_flops = 2e8;
  step.bytes = 1e6;
  const StepCost cost = predicted_cost(step, machine);
  CHECK(cost.arithmetic_ms == Approx(2));
  CHECK(cost.memory_ms == Approx(0.1));
  CHECK(cost.ms() == Approx(2));
  step.bytes = 1e8;
  CHECK(predicted_cost(step, machine).ms() == Approx(10));
}

}  // namespace rf::test
