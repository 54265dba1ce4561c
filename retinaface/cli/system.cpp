#include "retinaface/cli/system.hpp"

#include <sys/resource.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include <cstdlib>
#include <fstream>

#include "engine/check.hpp"
#include "engine/parallel.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

bool isa_from_flag = false;

// The value of the first line "name : value" of a file in /proc; empty without one.
std::string proc_value(const char* file, const std::string& name) {
  std::ifstream lines(file);
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with(name)) continue;
    const std::size_t value = line.find_first_not_of(": \t", name.size());
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

}  // namespace

std::string version() { return RF_VERSION; }

std::string build() { return RF_BUILD_TYPE; }

std::string compiler() {
#if defined(__clang__)
  return message("Clang ", __clang_major__, '.', __clang_minor__, '.', __clang_patchlevel__);
#elif defined(__GNUC__)
  return message("GCC ", __GNUC__, '.', __GNUC_MINOR__, '.', __GNUC_PATCHLEVEL__);
#else
  return "unknown";
#endif
}

std::string cpu_name() {
  const std::string name = proc_value("/proc/cpuinfo", "model name");
  if (!name.empty()) return name;
  // Linux on ARM has numbers alone.
  const std::string implementer = proc_value("/proc/cpuinfo", "CPU implementer");
  const std::string part = proc_value("/proc/cpuinfo", "CPU part");
  return part.empty() ? "unknown" : "implementer " + implementer + ", part " + part;
}

std::vector<std::string> cpu_features() {
  std::vector<std::string> features;
#if defined(__x86_64__)
  // The builtin takes a literal only, hence a macro.
#define RF_ADD_FEATURE(name) \
  if (__builtin_cpu_supports(name)) features.emplace_back(name)
  __builtin_cpu_init();
  RF_ADD_FEATURE("sse2");
  RF_ADD_FEATURE("sse4.1");
  RF_ADD_FEATURE("sse4.2");
  RF_ADD_FEATURE("avx");
  RF_ADD_FEATURE("avx2");
  RF_ADD_FEATURE("fma");
  RF_ADD_FEATURE("avx512f");
  RF_ADD_FEATURE("avx512cd");
  RF_ADD_FEATURE("avx512dq");
  RF_ADD_FEATURE("avx512bw");
  RF_ADD_FEATURE("avx512vl");
  RF_ADD_FEATURE("avx512vnni");
#undef RF_ADD_FEATURE
#elif defined(__aarch64__)
  if (::getauxval(AT_HWCAP) & HWCAP_ASIMD) features.emplace_back("neon");
#endif
  return features;
}

double peak_memory_mb() {
  // VmHWM is this program's alone; ru_maxrss may still hold the peak of the parent that forked it.
  const std::string kilobytes = proc_value("/proc/self/status", "VmHWM");
  if (!kilobytes.empty()) return std::strtod(kilobytes.c_str(), nullptr) * 1024 / 1e6;
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<double>(usage.ru_maxrss) * 1024 / 1e6
                                               : 0;
}

void choose_execution(int threads, const std::string& isa) {
  if (threads != 0) set_thread_limit(threads, "--threads");
  (void)thread_limit();
  if (isa.empty()) {
    (void)kernels();
    return;
  }
  use_kernels(supported_table(isa));
  isa_from_flag = true;
}

const KernelTable& supported_table(const std::string& isa) {
  std::string names;
  for (const KernelTable* table : supported_kernel_tables()) {
    if (isa == table->name) return *table;
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  throw UsageError(message("--isa ", isa, ": this CPU runs ", names));
}

std::string isa_reason() { return isa_from_flag ? "--isa" : kernels_reason(); }

void warn_if_slow() {
#if !defined(__OPTIMIZE__)
  say("note: this program was built without optimisation and is many times slower than it can be; "
      "build with "
      "CMAKE_BUILD_TYPE=Release");
#endif
  if (&kernels() == &isa::scalar) {
    say("note: the scalar kernels are in use (" + isa_reason() +
        "); they are for audits, and many times slower");
  }
}

}  // namespace rf::cli
