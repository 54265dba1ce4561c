// Memory of tensors. Fresh memory from the system is mapped page by page when it is first touched,
// which costs as much as computing a layer; so large blocks are kept when a tensor dies and given
// to the next one of about their size.
#pragma once

#include <cstddef>
#include <memory>

namespace rf {

// `bytes` (at least 1) of uninitialised, 64-byte-aligned memory, freed or kept with the last copy
// of the pointer. What is kept never exceeds the most that was in use at once, nor 256 MiB; with
// the address sanitizer nothing is kept. Throws std::bad_alloc. Thread-safe.
[[nodiscard]] std::shared_ptr<void> allocate_storage(std::size_t bytes);

}  // namespace rf
