// Memory of tensors. Fresh memory from the system is mapped page by page when it is first touched,
// which costs as much as computing a layer; so large blocks are kept when a tensor dies and given
// to the next one of about their size.
#pragma once

#include <cstddef>
#include <memory>

namespace rf {

// `bytes` (at least 1) of uninitialised, 64-byte-aligned memory, freed or kept with the last copy
// of the pointer. What is kept never exceeds the limit below, nor, together with what is in use,
// the most that was in use at once; with the address sanitizer nothing is kept. Throws
// std::bad_alloc. Thread-safe.
[[nodiscard]] std::shared_ptr<void> allocate_storage(std::size_t bytes);

// How much may be kept, at first 256 MiB: enough for a detector, and not so much that one large
// picture takes memory from other programs for good. A training step frees all that its successor
// needs again: while training, keep everything.
void set_kept_memory_limit(std::size_t bytes);
inline constexpr std::size_t kDefaultKeptMemory = std::size_t{256} << 20;

// The most bytes that large blocks have held at once so far: what training steps need. (Blocks
// below 128 KiB are not counted, and with the address sanitizer none.)
[[nodiscard]] std::size_t most_storage_used();

}  // namespace rf
