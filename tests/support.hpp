// What tests share: outside data, comparison of tensors, temporary folders.
#pragma once

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include "engine/parallel.hpp"
#include "engine/state_dict.hpp"
#include "engine/tensor.hpp"

namespace rf::test {

// The folder with golden values and data (environment RF_SHARED, else ../shared of the source), if
// it is there. When it is not, says once on stderr that `what` is skipped and counts it; the
// program then ends with the number of skipped parts.
[[nodiscard]] std::optional<std::filesystem::path> shared_file(const std::string& relative_path);

// How many parts of tests were skipped so far, and the way to skip one.
[[nodiscard]] int skipped_count();
void skip(const std::string& what);

// Whether this is a build with a sanitizer, in which long computations are cut short.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

// max |a - b| / max |b|; infinity when shapes differ or either holds a NaN. 0 for two empty
// tensors.
[[nodiscard]] double relative_error(const Tensor& a, const Tensor& b);
// max |a - b|, with the same exceptions.
[[nodiscard]] double largest_difference(const Tensor& a, const Tensor& b);

// Standard-normal f32 (or f64) values keyed by seed.
[[nodiscard]] Tensor random_tensor(const Shape& shape, std::uint64_t seed,
                                   DType dtype = DType::f32);

// While it lives, the process uses up to this many threads.
class WithThreads {
 public:
  explicit WithThreads(int count) : before_(thread_limit()) { set_thread_limit(count, "test"); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;
  ~WithThreads() { set_thread_limit(before_.count, before_.source); }

 private:
  ThreadLimit before_;
};

// While it lives, files cannot grow beyond `bytes`: as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

// A folder of the test's own, removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace rf::test
