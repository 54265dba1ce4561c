// Threads, at one level: over the outermost independent loop.
//
// Results never depend on the number of threads: work is cut into chunks by shape alone, every
// output element is written by one chunk, and which thread takes a chunk does not matter.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "engine/shape.hpp"
#include "engine/thread_pool.hpp"

namespace rf {

struct ThreadLimit {
  int count;           // at least 1
  std::string source;  // for people: "cgroup quota 1.5 CPUs", "RF_THREADS", ...
};

// How many threads this process should use: RF_THREADS if set, else the lower of the CPUs it may
// run on (affinity mask) and its cgroup CPU quota rounded up. Throws UsageError when RF_THREADS is
// not a number from 1 to 1024. Read once.
[[nodiscard]] const ThreadLimit& default_thread_limit();

// The limit in force: set_thread_limit's, else the default.
[[nodiscard]] ThreadLimit thread_limit();
[[nodiscard]] int thread_count();

// Overrides the limit for the whole process. Throws UsageError unless 1 <= count <= 1024.
void set_thread_limit(int count, const std::string& source);

// While one lives, thread_count() is 1 for its thread, and every parallel_for that it calls runs on
// that thread alone: for threads beside others that compute and must not have the pool taken away.
class SerialScope {
 public:
  SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;
  ~SerialScope();

 private:
  bool before_;
};

// While one lives, parallel_for of its thread does nothing: operations give tensors of the right
// shape with rubbish in them, whose memory is never touched. For finding out what an operation
// would do (autograd/trace.hpp).
class ShapesOnlyScope {
 public:
  ShapesOnlyScope();
  ShapesOnlyScope(const ShapesOnlyScope&) = delete;
  ShapesOnlyScope& operator=(const ShapesOnlyScope&) = delete;
  ~ShapesOnlyScope();

 private:
  bool before_;
};

// Memory for the chunks of a parallel_for that must not allocate: `stride` bytes, a multiple of 64,
// for each of `threads` threads; more than that many do not work.
struct Scratch {
  std::byte* memory = nullptr;
  std::size_t stride = 0;
  int threads = 1;
};

// From one thread's scratch to the next's where each needs so many bytes: a multiple of 64, and far
// enough that what a processor fetches ahead for one thread is not what another one writes. Throws
// std::bad_alloc: more than there are addresses.
[[nodiscard]] std::size_t scratch_stride(std::size_t bytes);

namespace detail {
void run_chunks(Index chunks, const Scratch& scratch, ChunkFunction function, void* body);
void run_chunks(Index chunks, std::size_t scratch_bytes, ChunkFunction function, void* body);
}  // namespace detail

// Calls body(chunk) for every chunk in [0, chunks), on several threads if there are several chunks.
// The body must not throw. Inside another parallel_for it runs on the calling thread.
template <class Body>
void parallel_for(Index chunks, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_chunks(
      chunks, 0, [](void* b, Index chunk, std::byte*) { (*static_cast<Plain*>(b))(chunk); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

// The same with body(chunk, scratch): `scratch` is 64-byte aligned, scratch_bytes long, the
// thread's own, and holds rubbish at the start of every chunk. Throws std::bad_alloc before any
// chunk runs.
template <class Body>
void parallel_for(Index chunks, std::size_t scratch_bytes, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_chunks(
      chunks, scratch_bytes,
      [](void* b, Index chunk, std::byte* scratch) { (*static_cast<Plain*>(b))(chunk, scratch); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

// The same on memory of the caller's.
template <class Body>
void parallel_for(Index chunks, const Scratch& scratch, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_chunks(
      chunks, scratch,
      [](void* b, Index chunk, std::byte* memory) { (*static_cast<Plain*>(b))(chunk, memory); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace rf
