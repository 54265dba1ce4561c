// Work on many items, several of them at a time, one thread each, with results in the order of the
// items and a bounded amount of memory. What the verbs that take many pictures share.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/parallel.hpp"

namespace rf::cli {

// The jobs that a user asked for (0: did not), for `items` (nullopt: nobody knows how many): at
// most one for each, and unless asked for as many as threads.
[[nodiscard]] int job_count(int asked, std::optional<Index> items);

// For each job: a photograph of 12 megapixels by picture_memory(), so that jobs keep their threads
// busy with pictures as cameras make them, and two cores need a gigabyte at most.
inline constexpr Index kMemoryPerJob = Index{512} << 20;

// A stage of the work. In order: one item at a time, each after the one before it; else items side
// by side.
template <class Item>
struct Stage {
  bool in_order;
  std::function<void(Item&)> run;
};

// Item has a member `Index bytes`: the most memory that it takes from its first stage on; a stage
// may lower it. Items that are begun take at most `memory` together. One that needs more than half
// of that is worked on alone, with all threads.
template <class Item>
class SideBySide {
 public:
  // `next` gives the items and ends with nullptr; it runs on one thread at a time, and begins an
  // item only when there is nothing else to do.
  SideBySide(int jobs, Index memory, std::function<std::unique_ptr<Item>()> next,
             std::vector<Stage<Item>> stages)
      : jobs_(jobs), memory_(memory), next_(std::move(next)), stages_(std::move(stages)) {
    RF_ASSERT(jobs >= 1 && memory >= 1 && !stages_.empty());
  }

  // Takes every item through all stages. One job works on the calling thread. Throws the first
  // exception of a stage or of `next`; the items after it are dropped. `interrupt`, if given, is
  // called then, for a `next` that waits for something from outside.
  void run(const std::function<void()>& interrupt = {}) {
    interrupt_ = interrupt;
    std::vector<std::thread> threads;
    try {
      for (int i = 1; i < jobs_; ++i) threads.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      // The system has no more threads for us: those that we have do the work.
    }
    serve();
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  struct Entry {
    std::unique_ptr<Item> item;
    std::size_t stage = 0;  // the one it is in, or waits for
    Index held = 0;         // of the memory; 0 before it is begun
    bool begun = false, working = false;
  };

  // Items begun and not done, those of which only the result waits among them.
  [[nodiscard]] std::size_t most_entries() const {
    return jobs_ == 1 ? 1 : static_cast<std::size_t>(jobs_) * 8;
  }

  // What an item holds of the memory: all of it if no second one of its size fits.
  [[nodiscard]] Index share(const Item& item) const {
    return item.bytes > memory_ / 2 ? memory_ : std::max<Index>(item.bytes, 0);
  }

  // Called with the lock held, as all below.
  [[nodiscard]] bool ready(std::size_t i) const {
    const Entry& entry = entries_[i];
    if (entry.working || entry.stage == stages_.size()) return false;
    // In the order of the items, so that one never waits for memory that a later one holds.
    if (!entry.begun && held_ + share(*entry.item) > memory_) return false;
    return !stages_[entry.stage].in_order || i == 0 || entries_[i - 1].stage > entry.stage;
  }
  [[nodiscard]] Entry* oldest_ready() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (ready(i)) return &entries_[i];
    }
    return nullptr;
  }
  [[nodiscard]] bool may_take() const {
    return !taking_ && !ended_ && entries_.size() < most_entries() &&
           (entries_.empty() || entries_.back().begun);
  }

  void serve() {
    std::unique_lock lock(mutex_);
    try {
      for (;;) {
        Entry* entry = nullptr;
        changed_.wait(lock, [&] {
          return failure_ || (entry = oldest_ready()) || may_take() || (ended_ && entries_.empty());
        });
        if (failure_) return;
        if (entry) {
          advance(*entry, lock);
        } else if (may_take()) {
          take(lock);
        } else {
          return;
        }
        changed_.notify_all();
      }
    } catch (...) {
      if (!lock.owns_lock()) lock.lock();
      if (!failure_) {
        failure_ = std::current_exception();
        if (interrupt_) interrupt_();
      }
      changed_.notify_all();
    }
  }

  void take(std::unique_lock<std::mutex>& lock) {
    taking_ = true;
    lock.unlock();
    std::unique_ptr<Item> item = next_();
    lock.lock();
    taking_ = false;
    if (item) {
      entries_.emplace_back().item = std::move(item);
    } else {
      ended_ = true;
    }
  }

  // The item through the stage that it waits for.
  void advance(Entry& entry, std::unique_lock<std::mutex>& lock) {
    if (!std::exchange(entry.begun, true)) hold(entry);
    entry.working = true;
    const bool alone = jobs_ == 1 || entry.held == memory_;
    lock.unlock();
    {
      std::optional<SerialScope> serial;
      if (!alone) serial.emplace();
      stages_[entry.stage].run(*entry.item);
    }
    lock.lock();
    entry.working = false;
    ++entry.stage;
    hold(entry);
    while (!entries_.empty() && entries_.front().stage == stages_.size()) {
      held_ -= entries_.front().held;
      entries_.pop_front();
    }
  }
  void hold(Entry& entry) {
    const Index now = share(*entry.item);
    held_ += now - std::exchange(entry.held, now);
  }

  const int jobs_;
  const Index memory_;
  const std::function<std::unique_ptr<Item>()> next_;
  const std::vector<Stage<Item>> stages_;
  std::function<void()> interrupt_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;  // in the order of the items; references to them stay valid
  Index held_ = 0;
  bool taking_ = false, ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace rf::cli
