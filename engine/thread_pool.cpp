#include "engine/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/check.hpp"

namespace rf::detail {

namespace {

// One parallel_for. A worker that wakes up late finds no chunk left and touches nothing but this.
struct Job {
  Chunks chunks{};
  std::atomic<Index> done{0};
  std::atomic<int> workers{0};  // that look at it

  // Each thread's own part of the chunks, the same for every parallel_for over as many: what a
  // thread writes in one layer it mostly reads again in the next, from its own core's cache.
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };
  std::vector<Share> shares;  // one for each thread, perhaps some that are not in use

  explicit Job(std::size_t threads) : shares(threads) {}

  // Requires that no other thread knows this job.
  void prepare(const Chunks& c) {
    chunks = c;
    done = 0;
    const auto threads = static_cast<std::size_t>(c.threads);
    if (shares.size() < threads) shares = std::vector<Share>(threads);
    for (std::size_t t = 0; t < threads; ++t) {
      const auto part = [&](std::size_t i) {
        return chunks.count * static_cast<Index>(i) / static_cast<Index>(threads);
      };
      shares[t].next = part(t);
      shares[t].end = part(t + 1);
    }
  }

  // Takes chunks of its own, then those that others have not begun, until none is left.
  void work(int thread) noexcept {
    std::byte* scratch = chunks.scratch;
    if (scratch) scratch += static_cast<std::size_t>(thread) * chunks.stride;
    for (int i = 0; i < chunks.threads; ++i) {
      Share& share = shares[static_cast<std::size_t>((thread + i) % chunks.threads)];
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
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether the one worker of a pair is worth waiting for. Where another program wants its core, the
// system takes it away for milliseconds in the middle of a chunk, and waiting for that chunk costs
// more than the worker brought. After such a wait the caller goes on alone for a while, longer each
// time it happens again soon. Of more than two threads the others bring more than the wait costs.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool alone() const { return alone_ && Clock::now() < until_; }

  // The caller worked from `begin` on, then waited from `idle` until now.
  void waited(Clock::time_point begin, Clock::time_point idle) {
    const Clock::time_point now = Clock::now();
    // A chunk like those of the caller's own is nothing unusual.
    if (now - idle < kLong || 2 * (now - idle) < 3 * (idle - begin)) return;
    const bool soon = alone_ && begin - until_ < 4 * pause_;
    pause_ = soon ? std::min(2 * pause_, kLongest) : kShortest;
    alone_ = true;
    until_ = now + pause_;
  }

 private:
  static constexpr Clock::duration kLong = std::chrono::milliseconds(1),
                                   kShortest = std::chrono::milliseconds(10),
                                   kLongest = std::chrono::milliseconds(160);
  bool alone_ = false;  // has until_ a meaning?
  Clock::time_point until_;
  Clock::duration pause_ = kShortest;
};

class Pool {
 public:
  void run(const Chunks& chunks) {
    if (chunks.threads == 1 || busy_.test_and_set(std::memory_order_acquire)) {
      run_alone(chunks);
      return;
    }
    const Release release{busy_};
    const bool pair = chunks.threads == 2;
    if (pair && patience_.alone()) {
      run_alone(chunks);
      return;
    }
    const auto begin = Patience::Clock::now();
    start_workers(chunks.threads - 1);
    Job& job = unused_job();
    job.prepare(chunks);
    publish(job);
    wake_.notify_all();
    job.work(0);
    // Chunks that workers have begun, each a fraction of a millisecond.
    for (int i = 0; i < kSpins && !job.finished(); ++i) pause();
    if (job.finished()) return;
    const auto idle = Patience::Clock::now();
    while (!job.finished()) std::this_thread::yield();
    if (pair) patience_.waited(begin, idle);
  }

 private:
  static void run_alone(const Chunks& chunks) {
    for (Index i = 0; i < chunks.count; ++i) chunks.function(chunks.body, i, chunks.scratch);
  }

  struct Release {
    std::atomic_flag& flag;
    ~Release() { flag.clear(std::memory_order_release); }
  };

  // A worker that woke up late may still look at one of the jobs before, each at one.
  Job& unused_job() {
    {
      const std::lock_guard lock(mutex_);
      job_ = nullptr;
    }
    const auto unused = std::find_if(jobs_.begin(), jobs_.end(), [](const auto& job) {
      return job->workers.load(std::memory_order_acquire) == 0;
    });
    RF_ASSERT(unused != jobs_.end());
    return **unused;
  }

  void publish(Job& job) {
    const std::lock_guard lock(mutex_);
    job_ = &job;
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
        break;  // the system has no thread for us: those that we have do the work
      }
    }
    // Made here, so that a loop allocates nothing once its workers are there.
    while (jobs_.size() <= workers_.size())
      jobs_.push_back(std::make_unique<Job>(static_cast<std::size_t>(count) + 1));
  }

  void serve(int thread) {
    for (unsigned seen = 0;;) {
      for (int i = 0; i < kSpins && serial_.load(std::memory_order_acquire) == seen; ++i) pause();
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return serial_.load(std::memory_order_relaxed) != seen; });
        seen = serial_.load(std::memory_order_relaxed);
        job = job_;
        if (job) job->workers.fetch_add(1, std::memory_order_relaxed);
      }
      if (!job) continue;
      if (thread < job->chunks.threads) job->work(thread);
      job->workers.fetch_sub(1, std::memory_order_release);
    }
  }

  std::atomic_flag busy_;  // set while somebody's job runs
  Patience patience_;      // of whoever has busy_
  std::mutex mutex_;       // job_, serial_
  std::condition_variable wake_;
  Job* job_ = nullptr;                      // the last one, until the next is prepared
  std::vector<std::unique_ptr<Job>> jobs_;  // one more than there are workers
  std::atomic<unsigned> serial_{0};         // of the job
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
