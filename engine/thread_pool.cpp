#include "engine/thread_pool.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace rf::detail {

namespace {

// One parallel_for. A worker that wakes up late finds no chunk left and touches nothing but this.
struct Job {
  const Chunks chunks;
  std::atomic<Index> done{0};

  // Each thread's own part of the chunks, the same for every parallel_for over as many: what a
  // thread writes in one layer it mostly reads again in the next, from its own core's cache.
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };
  std::vector<Share> shares;

  explicit Job(const Chunks& c) : chunks(c), shares(static_cast<std::size_t>(c.threads)) {
    for (std::size_t t = 0; t < shares.size(); ++t) {
      const auto part = [&](std::size_t i) {
        return chunks.count * static_cast<Index>(i) / static_cast<Index>(shares.size());
      };
      shares[t].next = part(t);
      shares[t].end = part(t + 1);
    }
  }

  // Takes chunks of its own, then those that others have not begun, until none is left.
  void work(int thread) noexcept {
    std::byte* scratch = chunks.scratch;
    if (scratch) scratch += static_cast<std::size_t>(thread) * chunks.stride;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      Share& share = shares[(static_cast<std::size_t>(thread) + i) % shares.size()];
      for (Index chunk = share.next.fetch_add(1); chunk < share.end;
           chunk = share.next.fetch_add(1)) {
        chunks.function(chunks.body, chunk, scratch);
        done.fetch_add(1, std::memory_order_release);
      }
    }
  }
  [[nodiscard]] bool finished() const {
    return done.load(std::memory_order_acquire) == chunks.count;
  }
};

inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Pool {
 public:
  void run(const Chunks& chunks) {
    if (chunks.threads == 1 || busy_.test_and_set(std::memory_order_acquire)) {
      Job alone(chunks);
      return alone.work(0);
    }
    const Release release{busy_};
    start_workers(chunks.threads - 1);
    const auto job = std::make_shared<Job>(chunks);
    publish(job);
    wake_.notify_all();
    job->work(0);
    // Chunks that workers have begun, each a fraction of a millisecond.
    for (int i = 0; !job->finished(); ++i) {
      if (i < kSpins)
        pause();
      else
        std::this_thread::yield();
    }
  }

 private:
  struct Release {
    std::atomic_flag& flag;
    ~Release() { flag.clear(std::memory_order_release); }
  };

  void publish(const std::shared_ptr<Job>& job) {
    const std::lock_guard lock(mutex_);
    job_ = job;
    serial_.fetch_add(1, std::memory_order_release);
  }

  // Some 20 to 50 microseconds: mostly the next layer is there before a worker sleeps.
  static constexpr int kSpins = 2000;

  void start_workers(int count) {
    while (static_cast<int>(workers_.size()) < count) {
      const int thread = static_cast<int>(workers_.size()) + 1;
      try {
        workers_.emplace_back([this, thread] { serve(thread); });
      } catch (const std::system_error&) {
        return;  // the system has no thread for us: those that we have do the work
      }
    }
  }

  void serve(int thread) {
    for (unsigned seen = 0;;) {
      for (int i = 0; i < kSpins && serial_.load(std::memory_order_acquire) == seen; ++i) pause();
      std::shared_ptr<Job> job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return serial_.load(std::memory_order_relaxed) != seen; });
        seen = serial_.load(std::memory_order_relaxed);
        job = job_;
      }
      if (thread < job->chunks.threads) job->work(thread);
    }
  }

  std::atomic_flag busy_;  // set while somebody's job runs
  std::mutex mutex_;       // job_, serial_
  std::condition_variable wake_;
  std::shared_ptr<Job> job_;         // the last one
  std::atomic<unsigned> serial_{0};  // of the job
  std::vector<std::thread> workers_;
};

// Never destroyed: its threads sleep until the process ends.
Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

}  // namespace

void run_on_pool(const Chunks& chunks) { pool().run(chunks); }

}  // namespace rf::detail
