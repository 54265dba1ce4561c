#include "retinaface/data/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

PictureSource source(const std::string& name, Index count, double weight) {
  PictureSource source{.pictures = {}, .weight = weight};
  for (Index i = 0; i < count; ++i) source.pictures.push_back({message(name, i), {}});
  return source;
}

// How often each picture comes in these epochs.
std::vector<Index> counts(const Dataset& data, Index first_epoch, Index epochs) {
  std::vector<Index> found(static_cast<std::size_t>(data.pictures()));
  for (Index e = first_epoch; e < first_epoch + epochs; ++e) {
    const std::vector<Index> order = data.epoch_order(7, e);
    CHECK(static_cast<Index>(order.size()) == data.epoch_size());
    for (const Index picture : order) ++found.at(static_cast<std::size_t>(picture));
  }
  return found;
}

std::pair<Index, Index> extremes(const std::vector<Index>& counts) {
  const auto [low, high] = std::minmax_element(counts.begin(), counts.end());
  return {*low, *high};
}

}  // namespace

TEST_CASE("dataset: pictures are numbered through all sources", "[dataset]") {
  const Dataset data({source("a", 3, 1), source("b", 2, 2.5)});
  CHECK(data.pictures() == 5);
  CHECK(data[0].path == "a0");
  CHECK(data[2].path == "a2");
  CHECK(data[3].path == "b0");
  CHECK(data.epoch_size() == 3 + 5);
}

TEST_CASE("dataset: with weight 1 every epoch is all pictures, in another order", "[dataset]") {
  const Dataset data({source("a", 100, 1)});
  for (Index e = 0; e < 3; ++e)
    CHECK(extremes(counts(data, e, 1)) == std::pair<Index, Index>{1, 1});
  CHECK(data.epoch_order(7, 0) != data.epoch_order(7, 1));
  CHECK_FALSE(std::ranges::is_sorted(data.epoch_order(7, 0)));
}

TEST_CASE("dataset: what an epoch leaves of a pack comes in the next", "[dataset]") {
  // 4 of 10 an epoch: five epochs are two packs; the first two have no picture twice.
  const Dataset quarter({source("a", 10, 0.4)});
  CHECK(quarter.epoch_size() == 4);
  CHECK(extremes(counts(quarter, 0, 2)) == std::pair<Index, Index>{0, 1});
  CHECK(extremes(counts(quarter, 0, 5)) == std::pair<Index, Index>{2, 2});
  CHECK(extremes(counts(quarter, 5, 5)) == std::pair<Index, Index>{2, 2});
  // 27 of 10: after any number of epochs no picture has come more than once more than another.
  const Dataset often({source("a", 10, 2.7)});
  CHECK(often.epoch_size() == 27);
  for (Index epochs = 1; epochs <= 10; ++epochs) {
    const auto [low, high] = extremes(counts(often, 0, epochs));
    CHECK(low == 27 * epochs / 10);
    CHECK(high == (27 * epochs + 9) / 10);
  }
}

TEST_CASE("dataset: of every source its share, mixed", "[dataset]") {
  const Dataset data({source("a", 20, 1), source("b", 10, 0.5), source("c", 5, 3)});
  CHECK(data.epoch_size() == 20 + 5 + 15);
  const std::vector<Index> order = data.epoch_order(3, 4);
  const auto share = [&](Index first, Index end) {
    return std::ranges::count_if(order, [&](Index i) { return i >= first && i < end; });
  };
  CHECK(share(0, 20) == 20);
  CHECK(share(20, 30) == 5);
  CHECK(share(30, 35) == 15);
  // Mixed: the first half of the epoch is not the first source.
  CHECK(std::ranges::any_of(order.begin(), order.begin() + 20, [](Index i) { return i >= 20; }));
}

TEST_CASE("dataset: the order depends on seed and epoch alone", "[dataset]") {
  const Dataset one({source("a", 30, 1), source("b", 30, 1)}),
      other({source("x", 30, 1), source("y", 30, 1)});
  (void)other.epoch_order(1, 5);
  CHECK(one.epoch_order(1, 3) == other.epoch_order(1, 3));
  CHECK(one.epoch_order(1, 3) != one.epoch_order(2, 3));
  // Two sources of the same size are not shuffled alike.
  std::vector<Index> first, second;
  for (const Index i : one.epoch_order(1, 3)) (i < 30 ? first : second).push_back(i % 30);
  CHECK(first != second);
}

// A training that is resumed must meet the pictures that it would have met: pinned, so that no
// change of the shuffle goes unseen. The numbers are those of the first version.
TEST_CASE("dataset: the order stays what it was", "[dataset]") {
  const Dataset data({source("a", 5, 1), source("b", 3, 1)});
  CHECK(data.epoch_order(1, 0) == std::vector<Index>{3, 6, 0, 2, 5, 7, 1, 4});
  CHECK(data.epoch_order(1, 9) == std::vector<Index>{1, 4, 3, 0, 7, 5, 6, 2});
}

TEST_CASE("dataset: instead of a picture comes the next of its source, round and round",
          "[dataset]") {
  const Dataset data({source("a", 3, 1), source("b", 1, 1), source("c", 2, 1)});
  const std::vector<Index> next = {1, 2, 0, 3, 5, 4};
  for (Index i = 0; i < 6; ++i) CHECK(data.next_in_source(i) == next[static_cast<std::size_t>(i)]);
}

TEST_CASE("dataset: nothing to learn from is refused", "[dataset][error]") {
  check_refused<UsageError>([] { (void)Dataset({}); }, {"no pictures"});
  check_refused<UsageError>(
      [] {
        (void)Dataset({source("a", 4, 1), source("b", 0, 1)});
      },
      {"0 pictures"});
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const double weight : {0.0, -1.0, 0.1, 1e9, kNan, HUGE_VAL})
    check_refused<UsageError>([&] { (void)Dataset({source("a", 4, weight)}); },
                              {"4 pictures", "weight"});
  CHECK(Dataset({source("a", 4, 0.125)}).epoch_size() == 1);
}

}  // namespace rf::test
