#include "engine/parallel.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <vector>

#include "engine/check.hpp"
#include "tests/engine/own_process.hpp"
#include "tests/support.hpp"

namespace rf::test {

TEST_CASE("parallel: prints the thread limit that RF_THREADS gives", "[.rf_threads]") {
  try {
    const ThreadLimit limit = thread_limit();
    answer(message(limit.count, " from ", limit.source));
  } catch (const UsageError& error) {
    answer(message("UsageError: ", error.what()));
  }
}

TEST_CASE("parallel: every chunk runs once, for any number of chunks and threads", "[parallel]") {
  for (const int threads : {1, 2, 3, 8, 40}) {
    const WithThreads limit(threads);
    for (const Index chunks : {0, 1, 2, 7, 1000}) {
      CAPTURE(threads, chunks);
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(chunks));
      parallel_for(chunks, [&](Index chunk) { ++runs[static_cast<std::size_t>(chunk)]; });
      for (const auto& count : runs) CHECK(count == 1);
    }
    parallel_for(-3, [](Index) { std::abort(); });
  }
}

namespace {

// The threads that take chunks of a loop, each running body(whether it is the caller). Until there
// are two of them the loop is repeated, for some seconds.
template <class Body>
std::set<std::thread::id> threads_of(Body&& body, bool until_two) {
  const std::thread::id caller = std::this_thread::get_id();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(until_two ? 5 : 0);
  std::set<std::thread::id> seen;
  do {
    std::mutex mutex;
    parallel_for(200, [&](Index) {
      const std::thread::id self = std::this_thread::get_id();
      {
        const std::lock_guard lock(mutex);
        seen.insert(self);
      }
      body(self == caller);
    });
  } while (until_two && seen.size() < 2 && std::chrono::steady_clock::now() < end);
  return seen;
}

}  // namespace

TEST_CASE("parallel: no more threads than the limit, and more than one when it allows",
          "[parallel]") {
  for (const int threads : {1, 2, 5}) {
    const WithThreads limit(threads);
    CAPTURE(threads);
    const std::set<std::thread::id> seen = threads_of(
        [](bool) { std::this_thread::sleep_for(std::chrono::microseconds(200)); }, threads > 1);
    CHECK(seen.size() <= static_cast<std::size_t>(threads));
    CHECK((threads == 1 || seen.size() > 1));
  }
}

TEST_CASE("parallel: a worker that lost its core is not waited for again, until a while later",
          "[parallel]") {
  const WithThreads limit(2);
  const auto quick = [](bool) {};
  // The worker's first chunk takes far longer than all of the caller's.
  std::atomic<bool> begun{false};
  const auto stalls = [&](bool caller) {
    if (!caller && !begun.exchange(true))
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  (void)threads_of(stalls, true);
  CHECK(threads_of(quick, false) == std::set{std::this_thread::get_id()});
  CHECK(threads_of([](bool) { std::this_thread::sleep_for(std::chrono::microseconds(200)); }, true)
            .size() == 2);
}

TEST_CASE("parallel: nested loops stay on their thread and run every pair once", "[parallel]") {
  const WithThreads limit(4);
  std::vector<std::atomic<int>> runs(35);
  std::atomic<int> strangers{0};
  parallel_for(5, [&](Index i) {
    const std::thread::id outer = std::this_thread::get_id();
    parallel_for(7, [&](Index j) {
      ++runs[static_cast<std::size_t>(7 * i + j)];
      if (std::this_thread::get_id() != outer) ++strangers;
    });
  });
  for (const auto& count : runs) CHECK(count == 1);
  CHECK(strangers == 0);
}

TEST_CASE("parallel: callers on several threads each get every chunk of theirs, once",
          "[parallel]") {
  const WithThreads limit(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&wrong] {
      for (Index round = 0; round < 500; ++round) {
        const Index chunks = 1 + round % 17;
        std::vector<std::atomic<int>> runs(static_cast<std::size_t>(chunks));
        parallel_for(chunks, 64, [&](Index chunk, std::byte* scratch) {
          *scratch = std::byte{1};
          ++runs[static_cast<std::size_t>(chunk)];
        });
        for (const auto& count : runs) wrong += count != 1;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("parallel: in a serial scope every chunk runs on the calling thread, in order",
          "[parallel]") {
  const WithThreads limit(4);
  const std::thread::id self = std::this_thread::get_id();
  // Whether a loop of slow chunks stayed on this thread.
  const auto alone = [&] {
    std::mutex mutex;
    std::vector<Index> order;
    std::set<std::thread::id> seen;
    parallel_for(40, 64, [&](Index chunk, std::byte* scratch) {
      *scratch = std::byte{1};
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      const std::lock_guard lock(mutex);
      order.push_back(chunk);
      seen.insert(std::this_thread::get_id());
    });
    CHECK(order.size() == 40);
    return seen == std::set{self} && std::is_sorted(order.begin(), order.end());
  };
  CHECK_FALSE(alone());
  {
    const SerialScope outer;
    CHECK(alone());
    {
      const SerialScope inner;
      CHECK(alone());
    }
    CHECK(alone());  // the outer one is still open
  }
  CHECK_FALSE(alone());
}

TEST_CASE("parallel: a serial scope leaves other threads their pool", "[parallel]") {
  const WithThreads limit(3);
  const SerialScope serial;
  std::set<std::thread::id> seen;
  std::thread([&] {
    std::mutex mutex;
    parallel_for(200, [&](Index) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
  }).join();
  CHECK(seen.size() > 1);
}

TEST_CASE("parallel: scratch is aligned, long enough and not shared", "[parallel]") {
  for (const int threads : {1, 3, 8}) {
    const WithThreads limit(threads);
    for (const std::size_t bytes : {1U, 63U, 64U, 65U, 5000U}) {
      CAPTURE(threads, bytes);
      std::atomic<int> unaligned{0}, overwritten{0};
      parallel_for(64, bytes, [&](Index chunk, std::byte* scratch) {
        if (reinterpret_cast<std::uintptr_t>(scratch) % 64 != 0) ++unaligned;
        for (std::size_t i = 0; i < bytes; ++i) scratch[i] = static_cast<std::byte>(chunk);
        std::this_thread::yield();
        for (std::size_t i = 0; i < bytes; ++i) {
          if (scratch[i] != static_cast<std::byte>(chunk)) ++overwritten;
        }
      });
      CHECK(unaligned == 0);
      CHECK(overwritten == 0);
    }
  }
}

TEST_CASE("parallel: threads' scratch lies apart", "[parallel]") {
  CHECK(scratch_stride(0) == 0);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{100000}}) {
    CHECK(scratch_stride(bytes) % 64 == 0);
    CHECK(scratch_stride(bytes) >= bytes + (std::size_t{128} << 10));
  }
  CHECK_THROWS_AS(scratch_stride(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
}

TEST_CASE("parallel: scratch that no memory can hold is refused before any chunk runs",
          "[parallel]") {
  const WithThreads limit(8);
  std::atomic<int> runs{0};
  const auto body = [&](Index, std::byte*) { ++runs; };
  // Eight times 2^61 is 2^64, which is 0 where nobody counts the carry.
  CHECK_THROWS_AS(parallel_for(8, std::size_t{1} << 61, body), std::bad_alloc);
  CHECK_THROWS_AS(parallel_for(8, std::numeric_limits<std::size_t>::max() - 7, body),
                  std::bad_alloc);
  CHECK(runs == 0);
}

TEST_CASE("parallel: limits outside 1 to 1024 are refused and change nothing", "[parallel]") {
  const WithThreads limit(3);
  CHECK(thread_count() == 3);
  CHECK(thread_limit().source == "test");
  for (const int count : {0, -1, 1025, std::numeric_limits<int>::min()}) {
    CHECK_THROWS_AS(set_thread_limit(count, "--threads"), UsageError);
    CHECK_THROWS_WITH(set_thread_limit(count, "--threads"),
                      Catch::Contains("--threads") && Catch::Contains(std::to_string(count)));
  }
  CHECK(thread_count() == 3);
}

TEST_CASE("parallel: RF_THREADS sets the limit; empty, the machine does", "[parallel]") {
  CHECK(answer_of("rf_threads", "RF_THREADS", "7") == "7 from RF_THREADS");
  CHECK(answer_of("rf_threads", "RF_THREADS", "1024") == "1024 from RF_THREADS");
  const std::string machine = answer_of("rf_threads", "RF_THREADS", "");
  CAPTURE(machine);
  CHECK((machine.find("affinity mask") != std::string::npos ||
         machine.find("cgroup") != std::string::npos));
}

TEST_CASE("parallel: an RF_THREADS that is no number of threads is an error that shows it",
          "[parallel]") {
  for (const std::string value :
       {"0", "-2", "1025", "two", "4x", " 4", "1.5", "99999999999999999999"}) {
    const std::string text = answer_of("rf_threads", "RF_THREADS", value);
    CAPTURE(text);
    CHECK(text.starts_with("UsageError: RF_THREADS=" + value + ":"));
    CHECK(text.find("1 to 1024") != std::string::npos);
  }
}

}  // namespace rf::test
