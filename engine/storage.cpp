#include "engine/storage.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>

namespace rf {

namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kPage = 4096;
constexpr std::size_t kSmall = std::size_t{128} << 10;  // below, the C library reuses memory itself
constexpr std::size_t kMostKept = std::size_t{256} << 20;
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;
#elif defined(__has_feature)
constexpr bool kKeeps = !__has_feature(address_sanitizer);
#else
constexpr bool kKeeps = true;
#endif

// Large blocks that no tensor uses, by size. They come straight from the system and go back there:
// in the C library's heap, a block that is kept would hold all that lies below it.
class Keeper {
 public:
  // A block of at least `bytes`, a whole number of pages; its true size goes to `capacity`.
  void* take(std::size_t bytes, std::size_t& capacity) {
    const std::lock_guard lock(mutex_);
    void* block = nullptr;
    // The smallest that is large enough, however large: what it wastes is mapped already.
    const auto found = kept_.lower_bound(bytes);
    if (found != kept_.end()) {
      capacity = found->first;
      block = found->second;
      kept_.erase(found);
      kept_bytes_ -= capacity;
    } else {
      capacity = bytes;
      block = map(bytes);
      if (!block) {
        release();  // what is kept may be what is missing
        block = map(bytes);
      }
      if (!block) throw std::bad_alloc();
    }
    used_bytes_ += capacity;
    most_used_bytes_ = std::max(most_used_bytes_, used_bytes_);
    return block;
  }

  void give(void* block, std::size_t capacity) noexcept {
    const std::lock_guard lock(mutex_);
    used_bytes_ -= capacity;
    if (kKeeps && kept_bytes_ + capacity <= std::min(most_used_bytes_, kMostKept)) {
      try {
        kept_.emplace(capacity, block);
        kept_bytes_ += capacity;
        return;
      } catch (const std::bad_alloc&) {  // no memory to remember it by: back to the system
      }
    }
    ::munmap(block, capacity);
  }

 private:
  static void* map(std::size_t bytes) noexcept {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
    void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    return block == MAP_FAILED ? nullptr : block;
  }

  void release() noexcept {
    for (const auto& [capacity, block] : kept_) ::munmap(block, capacity);
    kept_.clear();
    kept_bytes_ = 0;
  }

  std::mutex mutex_;
  std::multimap<std::size_t, void*> kept_;
  std::size_t kept_bytes_ = 0, used_bytes_ = 0, most_used_bytes_ = 0;
};

// Never destroyed: a tensor may outlive every other static object.
Keeper& keeper() {
  static Keeper& instance = *new Keeper;
  return instance;
}

}  // namespace

std::shared_ptr<void> allocate_storage(std::size_t bytes) {
  if (bytes < kSmall) {
    return {::operator new(bytes, kAlignment), [](void* p) { ::operator delete(p, kAlignment); }};
  }
  const std::size_t pages = (bytes + kPage - 1) / kPage * kPage;
  if (pages < bytes) throw std::bad_alloc();
  std::size_t capacity = 0;
  void* block = keeper().take(pages, capacity);
  return {block, [capacity](void* p) { keeper().give(p, capacity); }};
}

}  // namespace rf
