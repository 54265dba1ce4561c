#include "retinaface/cli/side_by_side.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <string>

#include "tests/support.hpp"

namespace rf::cli {

namespace {

using test::WithThreads;

struct Item {
  Index number = 0, bytes = 0;
};

// Gives items 0 to count - 1 of these sizes, in turn.
std::function<std::unique_ptr<Item>()> items(Index count, std::vector<Index> sizes = {1}) {
  return [=, next = Index{0}]() mutable -> std::unique_ptr<Item> {
    if (next == count) return nullptr;
    const auto size = sizes[static_cast<std::size_t>(next) % sizes.size()];
    return std::make_unique<Item>(Item{next++, size});
  };
}

// Some items take longer than others.
void dawdle(const Item& item) {
  std::this_thread::sleep_for(std::chrono::microseconds(item.number * 7919 % 5 * 200));
}

// The most that a number has been.
class Peak {
 public:
  void add(Index amount) {
    const Index now = value_ += amount;
    for (Index most = most_; now > most && !most_.compare_exchange_weak(most, now);) {
    }
  }
  [[nodiscard]] Index most() const { return most_; }

 private:
  std::atomic<Index> value_{0}, most_{0};
};

}  // namespace

TEST_CASE("side by side: every item goes through every stage once, results come in order") {
  for (const int jobs : {1, 2, 3, 40}) {
    CAPTURE(jobs);
    constexpr Index kItems = 200;
    std::vector<std::atomic<int>> runs(kItems);
    std::vector<Index> claimed, reported;
    Peak working, claiming;
    const auto slow = [&](Item& item) {
      working.add(1);
      ++runs[static_cast<std::size_t>(item.number)];
      dawdle(item);
      working.add(-1);
    };
    SideBySide<Item>(jobs, kMemoryPerJob, items(kItems),
                     {{false, slow},
                      {true,
                       [&](Item& item) {
                         claiming.add(1);
                         claimed.push_back(item.number);
                         claiming.add(-1);
                       }},
                      {false, slow},
                      {true, [&](Item& item) { reported.push_back(item.number); }}})
        .run();
    CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& count) { return count == 2; }));
    std::vector<Index> in_order(kItems);
    for (Index i = 0; i < kItems; ++i) in_order[static_cast<std::size_t>(i)] = i;
    CHECK(claimed == in_order);
    CHECK(reported == in_order);
    CHECK(claiming.most() == 1);
    CHECK(working.most() <= jobs);
    CHECK((jobs == 1 || working.most() > 1));
  }
}

TEST_CASE("side by side: nothing to do is done") {
  for (const int jobs : {1, 4}) {
    bool ran = false;
    SideBySide<Item>(jobs, 1, items(0), {{true, [&](Item&) { ran = true; }}}).run();
    CHECK_FALSE(ran);
  }
}

TEST_CASE("side by side: items that are begun never hold more memory than there is") {
  constexpr Index kMemory = 100;
  for (const int jobs : {1, 2, 8}) {
    CAPTURE(jobs);
    Peak held;
    Index most_alone = 0;
    SideBySide<Item>(jobs, kMemory, items(300, {10, 40, 0, 25, 50, 3, 1000, 33}),
                     {{false,
                       [&](Item& item) {
                         if (item.bytes == 1000) return;
                         held.add(item.bytes);
                         dawdle(item);
                         held.add(-item.bytes / 2);
                         item.bytes -= item.bytes / 2;  // the file is no longer needed
                       }},
                      {true,
                       [&](Item& item) {
                         if (item.bytes == 1000) {
                           most_alone = std::max(most_alone, item.bytes);
                           return;
                         }
                         held.add(-item.bytes);
                         item.bytes = 0;
                       }}})
        .run();
    CHECK(held.most() <= kMemory);
    CHECK((jobs == 1 || held.most() > 50));  // more than one at a time
    CHECK(most_alone == 1000);               // larger than all memory, and yet done
  }
}

TEST_CASE("side by side: an item for which half of the memory is too little has all threads") {
  const WithThreads limit(5);
  std::atomic<int> others{0}, beside{0}, wrong{0};
  SideBySide<Item>(4, 100, items(60, {20, 51, 20, 20, 20}),
                   {{false,
                     [&](Item& item) {
                       const bool large = item.bytes == 51;
                       if (thread_count() != (large ? 5 : 1)) ++wrong;
                       if (large) {
                         beside += others;
                         dawdle(item);
                         beside += others;
                       } else {
                         ++others;
                         dawdle(item);
                         --others;
                       }
                     }}})
      .run();
  CHECK(wrong == 0);
  CHECK(beside == 0);
  CHECK(thread_count() == 5);
  int alone = 0;
  SideBySide<Item>(1, 100, items(1), {{false, [&](Item&) { alone = thread_count(); }}}).run();
  CHECK(alone == 5);
}

TEST_CASE("side by side: a result is out before the next item must be there") {
  for (const int jobs : {1, 2, 4}) {
    std::atomic<Index> reported{0};
    Index next = 0, late = 0;
    const auto one_by_one = [&]() -> std::unique_ptr<Item> {
      for (int i = 0; i < 2000 && reported < next; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (reported < next) ++late;
      return next == 5 ? nullptr : std::make_unique<Item>(Item{next++, 1});
    };
    SideBySide<Item>(jobs, 100, one_by_one, {{false, dawdle}, {true, [&](Item&) { ++reported; }}})
        .run();
    CHECK(late == 0);
    CHECK(reported == 5);
  }
}

TEST_CASE("side by side: while one item takes long, a bounded number of others is begun") {
  constexpr int kJobs = 3;
  std::atomic<Index> begun{0};
  Index at_end_of_first = 0;
  SideBySide<Item>(kJobs, 1000, items(500),
                   {{false,
                     [&](Item& item) {
                       ++begun;
                       if (item.number != 0) return;
                       std::this_thread::sleep_for(std::chrono::milliseconds(100));
                       at_end_of_first = begun;
                     }},
                    {true, [](Item&) {}}})
      .run();
  CHECK(begun == 500);
  CHECK(at_end_of_first > 1);
  CHECK(at_end_of_first <= 8 * kJobs);
}

TEST_CASE("side by side: what a stage or the source throws is thrown, and a source is sent home") {
  for (const int jobs : {1, 2, 6}) {
    CAPTURE(jobs);
    std::atomic<bool> interrupted{false};
    Index reported = 0;
    // Waits after the fourth item as standard input would.
    const auto waits = [&, next = Index{0}]() mutable -> std::unique_ptr<Item> {
      if (next < 4) return std::make_unique<Item>(Item{next++, 1});
      while (!interrupted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return nullptr;
    };
    const auto fails = [](Item& item) {
      if (item.number == 3) throw std::runtime_error("item 3");
    };
    SideBySide<Item> stage(jobs, 100, waits, {{false, fails}, {true, [&](Item&) { ++reported; }}});
    CHECK_THROWS_WITH(stage.run([&] { interrupted = true; }), "item 3");
    CHECK(interrupted);
    CHECK(reported <= 3);

    const auto broken = []() -> std::unique_ptr<Item> { throw std::runtime_error("source"); };
    SideBySide<Item> source(jobs, 100, broken, {{false, fails}});
    CHECK_THROWS_WITH(source.run(), "source");
  }
}

TEST_CASE("side by side: a job for each item at most, as many as threads unless asked for") {
  const WithThreads limit(6);
  CHECK(job_count(0, std::nullopt) == 6);
  CHECK(job_count(0, 100) == 6);
  CHECK(job_count(0, 4) == 4);
  CHECK(job_count(0, 1) == 1);
  CHECK(job_count(0, 0) == 1);
  CHECK(job_count(9, std::nullopt) == 9);
  CHECK(job_count(9, 100) == 9);
  CHECK(job_count(9, 2) == 2);
  CHECK(job_count(1, 100) == 1);
}

}  // namespace rf::cli
