// The worker threads behind parallel_for.
//
// The caller works too and waits only for chunks that a worker has begun. So a worker that the
// system does not run just now costs nothing but its help: with barriers between spinning threads,
// as OpenMP runtimes have them, a forward pass took 1.1 s instead of 27 ms while another program
// kept the second CPU busy.
#pragma once

#include <cstddef>

#include "engine/shape.hpp"

namespace rf::detail {

using ChunkFunction = void (*)(void* body, Index chunk, std::byte* scratch);

struct Chunks {
  Index count;
  ChunkFunction function;
  void* body;
  std::byte* scratch;  // `stride` bytes for each of `threads` threads
  std::size_t stride;
  int threads;  // the caller and threads - 1 workers
};

// Runs every chunk once and returns when all are done. From inside a chunk, or while another thread
// is in here, the caller runs all of them itself.
void run_on_pool(const Chunks& chunks);

}  // namespace rf::detail
