// Which kernel table runs. xsimd's own detection is not used: version 8.1 does not ask whether the
// operating system saves the wide registers; __builtin_cpu_supports does.
#include <atomic>
#include <cstdlib>

#include "engine/check.hpp"
#include "engine/kernels/table.hpp"

namespace rf {

namespace {

struct Choice {
  const KernelTable* table;
  std::string reason;
};

std::vector<const KernelTable*> find_supported() {
  std::vector<const KernelTable*> tables{&isa::scalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse2")) tables.push_back(&isa::sse2);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    tables.push_back(&isa::avx512);
  }
#elif defined(__aarch64__)
  tables.push_back(&isa::neon);  // part of the architecture
#endif
  return tables;
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Choice choose() {
  const auto& supported = supported_kernel_tables();
  std::vector<std::string> names;
  for (const KernelTable* table : supported) names.emplace_back(table->name);
  const char* wanted = std::getenv("RF_ISA");
  if (!wanted || !*wanted) return {supported.back(), "best of " + join(names)};
  for (const KernelTable* table : supported) {
    if (std::string(table->name) == wanted) return {table, "RF_ISA"};
  }
  throw UsageError(message("RF_ISA=", wanted, ": this CPU runs ", join(names),
                           "; this build knows ", join(all_kernel_table_names())));
}

const Choice& choice() {
  static const Choice instance = choose();
  return instance;
}

std::atomic<const KernelTable*> replaced{nullptr};

}  // namespace

const std::vector<const KernelTable*>& supported_kernel_tables() {
  static const std::vector<const KernelTable*> tables = find_supported();
  return tables;
}

const std::vector<std::string>& all_kernel_table_names() {
#if defined(__x86_64__)
  static const std::vector<std::string> names{"scalar", "sse2", "avx2", "avx512"};
#elif defined(__aarch64__)
  static const std::vector<std::string> names{"scalar", "neon"};
#else
  static const std::vector<std::string> names{"scalar"};
#endif
  return names;
}

const KernelTable& kernels() {
  if (const KernelTable* table = replaced.load(std::memory_order_relaxed)) return *table;
  return *choice().table;
}

const std::string& kernels_reason() { return choice().reason; }

void use_kernels(const KernelTable& table) { replaced.store(&table, std::memory_order_relaxed); }

}  // namespace rf
