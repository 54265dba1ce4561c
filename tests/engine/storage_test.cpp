#include "engine/storage.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "engine/shape.hpp"
#include "tests/emulator.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr Index kLargePages = 8;  // of 16 megabytes

// Pages, small or of two megabytes, that this process had to be given while f ran.
template <class F>
Index pages_mapped(F&& f) {
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  f();
  getrusage(RUSAGE_SELF, &after);
  return after.ru_minflt - before.ru_minflt;
}

// `bytes` of memory, every page of it written.
std::shared_ptr<void> touched(std::size_t bytes) {
  auto block = allocate_storage(bytes);
  std::memset(block.get(), 1, bytes);
  return block;
}

// The limit of kept memory, and nothing kept from before.
class WithLimit {
 public:
  explicit WithLimit(std::size_t bytes) {
    set_kept_memory_limit(0);
    set_kept_memory_limit(bytes);
  }
  WithLimit(const WithLimit&) = delete;
  WithLimit& operator=(const WithLimit&) = delete;
  ~WithLimit() { set_kept_memory_limit(kDefaultKeptMemory); }
};

// A sanitizer's own memory would be counted too, and with that of addresses nothing is kept; so
// would an emulator's.
bool counts_pages() {
  if (kSanitized || kEmulated)
    skip("reuse of memory: pages are not counted with a sanitizer or an emulator");
  return !kSanitized && !kEmulated;
}

}  // namespace

TEST_CASE("storage: what was freed serves the next request, also in parts and joined again",
          "[storage]") {
  if (!counts_pages()) return;
  const WithLimit limit(64 * kMegabyte);
  CHECK(pages_mapped([] { touched(16 * kMegabyte); }) >= kLargePages);
  CHECK(pages_mapped([] { touched(16 * kMegabyte); }) < kLargePages);
  CHECK(pages_mapped([] {
          std::vector<std::shared_ptr<void>> parts;
          for (int i = 0; i < 4; ++i) parts.push_back(touched(4 * kMegabyte));
          std::swap(parts[0], parts[2]);  // given back in another order
        }) < kLargePages);
  CHECK(pages_mapped([] { touched(16 * kMegabyte); }) < kLargePages);
}

TEST_CASE("storage: no more is kept than the limit says", "[storage]") {
  if (!counts_pages()) return;
  const WithLimit limit(8 * kMegabyte);
  touched(16 * kMegabyte);  // above the limit: goes back
  CHECK(pages_mapped([] { touched(16 * kMegabyte); }) >= kLargePages);
  touched(8 * kMegabyte);
  CHECK(pages_mapped([] { touched(8 * kMegabyte); }) < kLargePages / 2);
  set_kept_memory_limit(0);
  CHECK(pages_mapped([] { touched(8 * kMegabyte); }) >= kLargePages / 2);
}

TEST_CASE("storage: blocks do not overlap, whatever order they come and go in", "[storage]") {
  const WithLimit limit(64 * kMegabyte);
  struct Block {
    std::shared_ptr<void> memory;
    std::size_t bytes;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  std::uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525U + 1013904223U; };
  for (int round = 0; round < 400; ++round) {
    if (blocks.size() > 12 || (next() >> 31 && !blocks.empty())) {
      const std::size_t victim = (next() >> 8) % blocks.size();
      const Block& block = blocks[victim];
      const auto* bytes = static_cast<const unsigned char*>(block.memory.get());
      CHECK(bytes[0] == block.mark);
      CHECK(bytes[block.bytes / 2] == block.mark);
      CHECK(bytes[block.bytes - 1] == block.mark);
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(victim));
    } else {
      const std::size_t bytes = 130000 + (next() >> 8) % (2 * kMegabyte);
      const auto mark = static_cast<unsigned char>(round);
      blocks.push_back({allocate_storage(bytes), bytes, mark});
      std::memset(blocks.back().memory.get(), mark, bytes);
      CHECK(reinterpret_cast<std::uintptr_t>(blocks.back().memory.get()) % 64 == 0);
    }
  }
}

}  // namespace rf::test
