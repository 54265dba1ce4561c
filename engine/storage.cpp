#include "engine/storage.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

namespace rf {

namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kPage = 4096;
// From this size on, in pages of two megabytes: 0.85 x the time of a network at 1920x1080
// (docs/performance.md, 12).
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kSmall = std::size_t{128} << 10;  // below, the C library reuses memory itself
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;
#elif defined(__has_feature)
constexpr bool kKeeps = !__has_feature(address_sanitizer);
#else
constexpr bool kKeeps = true;
#endif

// Whole pages that no tensor uses, as ranges of addresses: a request takes a part of the smallest
// range that holds it, and what comes back joins the ranges beside it. The pages come straight from
// the system and go back there: in the C library's heap, one that is kept would hold all below it.
class Keeper {
 public:
  // `bytes` of memory, a whole number of pages.
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    char* block = nullptr;
    const auto found = by_size_.lower_bound({bytes, nullptr});
    if (found != by_size_.end()) {
      const auto [size, start] = *found;
      block = start;
      erase(start, size);
      if (size > bytes) keep(start + bytes, size - bytes);
    } else {
      shrink(most_used_ > used_ + bytes ? most_used_ - used_ - bytes : 0);
      block = map(bytes);
      if (!block) {
        shrink(0);  // what is kept may be what is missing
        block = map(bytes);
      }
      if (!block) throw std::bad_alloc();
    }
    used_ += bytes;
    most_used_ = std::max(most_used_, used_);
    return block;
  }

  void give(void* memory, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    char* start = static_cast<char*>(memory);
    if (!kKeeps || kept_ + bytes > limit_) {
      ::munmap(memory, bytes);
      return;
    }
    const auto after = by_address_.find(start + bytes);
    if (after != by_address_.end()) {
      const std::size_t length = after->second;
      erase(start + bytes, length);
      bytes += length;
    }
    const auto next = by_address_.lower_bound(start);
    if (next != by_address_.begin()) {
      const auto [address, length] = *std::prev(next);
      if (address + length == start) {
        erase(address, length);
        start = address;
        bytes += length;
      }
    }
    keep(start, bytes);
  }

  std::size_t most_used() {
    const std::lock_guard lock(mutex_);
    return most_used_;
  }

  void set_limit(std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    limit_ = bytes;
    shrink(bytes);
  }

 private:
  static char* map(std::size_t bytes) noexcept {
    const std::size_t spare = bytes >= kHugePage ? kHugePage : 0;
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
    void* mapped = ::mmap(nullptr, bytes + spare, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    char* block = static_cast<char*>(mapped);
    if (spare == 0) return block;
    const std::size_t skip =
        (kHugePage - reinterpret_cast<std::uintptr_t>(block) % kHugePage) % kHugePage;
    if (skip > 0) ::munmap(block, skip);
    block += skip;
    if (spare > skip) ::munmap(block + bytes, spare - skip);
    ::madvise(block, bytes, MADV_HUGEPAGE);  // a wish; where it is not heard, all works as well
    return block;
  }

  void keep(char* start, std::size_t size) noexcept {
    try {
      by_size_.emplace(size, start);
      by_address_.emplace(start, size);
      kept_ += size;
    } catch (const std::bad_alloc&) {  // no memory to remember it by: back to the system
      by_size_.erase({size, start});
      ::munmap(start, size);
    }
  }
  void erase(char* start, std::size_t size) noexcept {
    by_address_.erase(start);
    by_size_.erase({size, start});
    kept_ -= size;
  }

  // Gives the largest ranges back to the system until no more than `bytes` are kept.
  void shrink(std::size_t bytes) noexcept {
    while (kept_ > bytes) {
      const auto [size, start] = *by_size_.rbegin();
      erase(start, size);
      ::munmap(start, size);
    }
  }

  std::mutex mutex_;
  std::map<char*, std::size_t> by_address_;
  std::set<std::pair<std::size_t, char*>> by_size_;
  std::size_t kept_ = 0, used_ = 0, most_used_ = 0, limit_ = kDefaultKeptMemory;
};

// Never destroyed: a tensor may outlive every other static object.
Keeper& keeper() {
  static Keeper& instance = *new Keeper;
  return instance;
}

}  // namespace

void set_kept_memory_limit(std::size_t bytes) { keeper().set_limit(bytes); }

std::size_t most_storage_used() { return keeper().most_used(); }

std::shared_ptr<void> allocate_storage(std::size_t bytes) {
  if (bytes < kSmall ||
      !kKeeps) {  // the address sanitizer sees past the end of its own blocks alone
    return {::operator new(bytes, kAlignment), [](void* p) { ::operator delete(p, kAlignment); }};
  }
  const std::size_t pages = (bytes + kPage - 1) / kPage * kPage;
  if (pages < bytes) throw std::bad_alloc();
  return {keeper().take(pages), [pages](void* p) { keeper().give(p, pages); }};
}

}  // namespace rf
