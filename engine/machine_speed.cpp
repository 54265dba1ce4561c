#include "engine/machine_speed.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "engine/check.hpp"
#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "engine/tensor.hpp"

namespace rf {

namespace {

constexpr Index kSmallest = Index{64} << 10, kLargest = Index{64} << 20;
constexpr Index kTraffic = Index{4} << 20;  // bytes at least, for one measurement

// The least time of `run` in seconds, over so many seconds and three runs at least.
template <class Run>
double least_seconds(double seconds, Run&& run) {
  using Seconds = std::chrono::duration<double>;
  double least = std::numeric_limits<double>::max(), total = 0;
  for (int i = 0; i < 3 || total < seconds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const double passed = Seconds(std::chrono::steady_clock::now() - start).count();
    least = std::min(least, passed);
    total += passed;
  }
  return std::max(least, 1e-9);  // what the clock can tell
}

// Each thread reads from one half of its part and writes to the other, several times, so that
// waking the others does not count.
MemoryLevel measure_level(Index bytes) {
  const Index threads = thread_count();
  const Index count = ceil_div(bytes / 2 / static_cast<Index>(sizeof(float)), threads);
  const Index passes = std::max<Index>(kTraffic / bytes, 1);
  const Tensor x = Tensor::zeros({threads * count});
  Tensor y = Tensor::zeros({threads * count});
  const ReluArgs<float> args{.x = x.data<float>(), .y = y.data<float>()};
  const auto kernel = kernels().relu;
  const double seconds = least_seconds(2e-3, [&] {
    parallel_for(threads, [&](Index part) {
      for (Index i = 0; i < passes; ++i) kernel(args, part * count, (part + 1) * count);
    });
  });
  return {static_cast<double>(bytes), static_cast<double>(passes * bytes) / seconds};
}

}  // namespace

double measure_peak_flops() {
  // Some ten microseconds a chunk, several for each thread: one that starts late costs little.
  constexpr Index kRounds = 4096, kChunksPerThread = 32;
  const KernelTable& table = kernels();
  const Index chunks = kChunksPerThread * thread_count();
  const double seconds = least_seconds(20e-3, [&] {
    parallel_for(chunks, [&](Index) { (void)table.multiply_add(kRounds, 0.5F, 1); });
  });
  return 2 * static_cast<double>(chunks * kRounds * table.multiply_adds) / seconds;
}

double MachineSpeed::bytes_per_second(double bytes) const {
  RF_ASSERT(!memory.empty());
  for (const MemoryLevel& level : memory) {
    if (bytes <= level.bytes) return level.bytes_per_second;
  }
  return memory.back().bytes_per_second;
}

MachineSpeed measure_machine_speed(double most_bytes) {
  MachineSpeed speed{.flops = measure_peak_flops(), .memory = {}};
  for (Index bytes = kSmallest; bytes <= kLargest; bytes *= 4) {
    speed.memory.push_back(measure_level(bytes));
    if (static_cast<double>(bytes) >= most_bytes) break;
  }
  return speed;
}

}  // namespace rf
