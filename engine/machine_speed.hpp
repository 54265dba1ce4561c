// How fast this machine is with the kernels and threads in use: the limits that measured times are
// compared with.
#pragma once

#include <vector>

namespace rf {

// Floating-point operations per second, two for each multiply-add, when nothing is read or written.
// Takes about 20 ms.
[[nodiscard]] double measure_peak_flops();

// Values are read and written at this speed while all of them together take up to so many bytes:
// those that fit the first-level cache, the second, ...
struct MemoryLevel {
  double bytes;
  double bytes_per_second;
};

struct MachineSpeed {
  double flops;                     // as measure_peak_flops gives it
  std::vector<MemoryLevel> memory;  // by rising bytes, at least one

  // For values of so many bytes; those that no level holds are as slow as the last one.
  [[nodiscard]] double bytes_per_second(double bytes) const;
};

// Levels up to the first that holds `most_bytes`, 64 MiB at most. Takes some tens of milliseconds.
// Throws std::bad_alloc.
[[nodiscard]] MachineSpeed measure_machine_speed(double most_bytes);

}  // namespace rf
