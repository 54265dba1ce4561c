#include "engine/parallel.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <new>
#include <sstream>
#include <utility>

#include "engine/check.hpp"
#include "engine/storage.hpp"

namespace rf {

namespace {

constexpr int kMaxThreads = 1024;

// CPUs in the affinity mask.
int allowed_cpus() {
  constexpr std::size_t kMostCpus = std::size_t{1} << 20;  // the kernel may know more than 1024
  for (std::size_t cpus = 1024; cpus <= kMostCpus; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (!set) return 1;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    const int result = sched_getaffinity(0, bytes, set);
    const int count = result == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (result == 0) return std::max(count, 1);
  }
  return 1;
}

// CPUs that one cgroup folder grants, or 0 for no limit.
double quota_of(const std::string& folder) {
  if (std::ifstream v2(folder + "/cpu.max"); v2) {  // "max 100000" or "150000 100000"
    std::string quota;
    double period = 0;
    if (v2 >> quota >> period && quota != "max" && period > 0)
      return std::strtod(quota.c_str(), nullptr) / period;
    return 0;
  }
  double quota = 0, period = 0;
  std::ifstream v1_quota(folder + "/cpu.cfs_quota_us"), v1_period(folder + "/cpu.cfs_period_us");
  if (v1_quota >> quota && v1_period >> period && quota > 0 && period > 0) return quota / period;
  return 0;
}

// The tightest quota from this process's cgroup up to the root, or 0 for none. Inside a container
// the host's path may not exist below /sys/fs/cgroup; the walk then reaches the root, which is the
// container's own group.
double cgroup_quota() {
  double tightest = 0;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/path" or "4:cpu,cpuacct:/path"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (std::string path = line.substr(second + 1);; path.resize(path.find_last_of('/'))) {
      if (!path.empty() && path.back() == '/') path.pop_back();
      const double quota = quota_of(root + path);
      if (quota > 0 && (tightest == 0 || quota < tightest)) tightest = quota;
      if (path.find('/') == std::string::npos) break;
    }
  }
  return tightest;
}

int parse_thread_count(const char* text, const char* what) {
  int count = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, count);
  if (error != std::errc{} || stop != end || count < 1 || count > kMaxThreads) {
    throw UsageError(
        message(what, "=", text, ": a number of threads from 1 to ", kMaxThreads, " is needed"));
  }
  return count;
}

ThreadLimit find_default_limit() {
  if (const char* text = std::getenv("RF_THREADS"); text && *text) {
    return {parse_thread_count(text, "RF_THREADS"), "RF_THREADS"};
  }
  const int cpus = std::min(allowed_cpus(), kMaxThreads);
  const double quota = cgroup_quota();
  if (quota > 0 && std::ceil(quota) < cpus) {
    return {std::max(1, static_cast<int>(std::ceil(quota))),
            message("cgroup quota of ", quota, " CPUs")};
  }
  return {cpus, message(cpus, cpus == 1 ? " CPU" : " CPUs", " allowed by the affinity mask")};
}

struct Override {
  std::mutex mutex;
  ThreadLimit limit{0, ""};
  std::atomic<int> count{0};  // limit.count again, readable without the lock
};

Override& override_limit() {
  static Override instance;
  return instance;
}

}  // namespace

const ThreadLimit& default_thread_limit() {
  static const ThreadLimit limit = find_default_limit();
  return limit;
}

ThreadLimit thread_limit() {
  Override& o = override_limit();
  const std::lock_guard lock(o.mutex);
  return o.limit.count > 0 ? o.limit : default_thread_limit();
}

namespace {
thread_local bool alone = false;        // a SerialScope is open
thread_local bool shapes_only = false;  // a ShapesOnlyScope is open
}  // namespace

int thread_count() {
  if (alone) return 1;
  const int count = override_limit().count.load(std::memory_order_relaxed);
  return count > 0 ? count : default_thread_limit().count;
}

void set_thread_limit(int count, const std::string& source) {
  if (count < 1 || count > kMaxThreads) {
    throw UsageError(
        message(source, ": ", count, " threads: a number from 1 to ", kMaxThreads, " is needed"));
  }
  Override& o = override_limit();
  const std::lock_guard lock(o.mutex);
  o.limit = {count, source};
  o.count.store(count, std::memory_order_relaxed);
}

SerialScope::SerialScope() : before_(std::exchange(alone, true)) {}
SerialScope::~SerialScope() { alone = before_; }

ShapesOnlyScope::ShapesOnlyScope() : before_(std::exchange(shapes_only, true)) {}
ShapesOnlyScope::~ShapesOnlyScope() { shapes_only = before_; }

std::size_t scratch_stride(std::size_t bytes) {
  constexpr std::size_t kApart = std::size_t{128} << 10;  // 48 are not enough, 110 are
  std::size_t stride = 0;
  if (bytes == 0) return 0;
  if (__builtin_add_overflow(bytes, kApart + 63, &stride)) throw std::bad_alloc();
  return stride / 64 * 64;
}

namespace detail {

void run_chunks(Index chunks, std::size_t scratch_bytes, ChunkFunction function, void* body) {
  if (chunks <= 0 || shapes_only) return;
  const int threads = static_cast<int>(std::min<Index>(thread_count(), chunks));
  const std::size_t stride = scratch_stride(scratch_bytes);
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(stride, static_cast<std::size_t>(threads), &bytes))
    throw std::bad_alloc();
  const std::shared_ptr<void> memory = bytes > 0 ? allocate_storage(bytes) : nullptr;
  auto* scratch = static_cast<std::byte*>(memory.get());
  run_on_pool({.count = chunks,
               .function = function,
               .body = body,
               .scratch = scratch,
               .stride = stride,
               .threads = threads});
}

void run_chunks(Index chunks, const Scratch& scratch, ChunkFunction function, void* body) {
  if (chunks <= 0 || shapes_only) return;
  const int threads =
      static_cast<int>(std::min<Index>(std::min(thread_count(), scratch.threads), chunks));
  run_on_pool({.count = chunks,
               .function = function,
               .body = body,
               .scratch = scratch.memory,
               .stride = scratch.stride,
               .threads = threads});
}

}  // namespace detail

}  // namespace rf
