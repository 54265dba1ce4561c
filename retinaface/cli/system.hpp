// What the program runs on and how it was built: for `info`, `bench` and the "run" object of
// results.
#pragma once

#include <string>
#include <vector>

#include "engine/kernels/table.hpp"

namespace rf::cli {

[[nodiscard]] std::string version();   // "0.1.0"
[[nodiscard]] std::string build();     // "Release"
[[nodiscard]] std::string compiler();  // "GCC 12.2.0"

[[nodiscard]] std::string cpu_name();                   // "unknown" where the system does not say
[[nodiscard]] std::vector<std::string> cpu_features();  // those that decide which kernels can run

// The most memory this process has held so far (resident), in MB of 10^6 bytes; 0 where the system
// does not say.
[[nodiscard]] double peak_memory_mb();

// --threads and --isa: `threads` 0 and an empty `isa` leave the defaults. Throws UsageError, also
// when RF_THREADS or RF_ISA hold nonsense, so that this is known before any work is done.
void choose_execution(int threads, const std::string& isa);

// The table that --isa names. Throws UsageError when this CPU cannot run it, or there is none.
[[nodiscard]] const KernelTable& supported_table(const std::string& isa);

// Why the instruction set in use was chosen: "best of scalar, sse2", "RF_ISA", "--isa".
[[nodiscard]] std::string isa_reason();

// Says once on stderr what makes this run needlessly slow: the scalar kernels, a build without
// optimisation.
void warn_if_slow();

}  // namespace rf::cli
