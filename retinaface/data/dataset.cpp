#include "retinaface/data/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/check.hpp"
#include "engine/random.hpp"

namespace rf {

namespace {

// Fisher and Yates.
void shuffle(std::vector<Index>& items, Random random) {
  for (std::size_t i = items.size(); i > 1; --i)
    std::swap(items[i - 1], items[random.below(static_cast<std::uint32_t>(i))]);
}

// What the numbers of a shuffle are for, in the `item` of their stream: sources count upwards.
constexpr std::uint32_t kWholeEpoch = 0xFFFFFFFF;

}  // namespace

Dataset::Dataset(std::vector<PictureSource> sources) {
  for (PictureSource& source : sources) {
    const auto count = static_cast<Index>(source.pictures.size());
    const double wanted = source.weight * static_cast<double>(count);
    if (!(wanted >= 0.5 && wanted < 1e9))
      throw UsageError(message("data: ", count, " pictures with weight ", source.weight,
                               " make no epoch; from 1 to 1e9 are needed"));
    sources_.push_back({pictures(), count, static_cast<Index>(std::llround(wanted))});
    epoch_size_ += sources_.back().per_epoch;
    std::move(source.pictures.begin(), source.pictures.end(), std::back_inserter(pictures_));
  }
  if (pictures_.empty()) throw UsageError("data: no pictures");
}

std::vector<Index> Dataset::epoch_order(std::uint64_t seed, Index epoch) const {
  std::vector<Index> order;
  std::vector<Index> pack;
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    const Range& source = sources_[s];
    // The positions of this epoch in the endless sequence of packs.
    Index shuffled = -1;
    for (Index i = epoch * source.per_epoch; i < (epoch + 1) * source.per_epoch; ++i) {
      if (const Index number = i / source.count; number != shuffled) {
        pack.resize(static_cast<std::size_t>(source.count));
        std::iota(pack.begin(), pack.end(), source.first);
        shuffle(pack, Random(seed, RandomPurpose::sample, static_cast<std::uint32_t>(number),
                             static_cast<std::uint32_t>(s)));
        shuffled = number;
      }
      order.push_back(pack[static_cast<std::size_t>(i % source.count)]);
    }
  }
  shuffle(order,
          Random(seed, RandomPurpose::sample, static_cast<std::uint32_t>(epoch), kWholeEpoch));
  return order;
}

Index Dataset::next_in_source(Index picture) const {
  const auto source = std::find_if(sources_.begin(), sources_.end(), [&](const Range& range) {
    return picture < range.first + range.count;
  });
  RF_ASSERT(source != sources_.end());
  const Index end = source->first + source->count;
  return picture + 1 < end ? picture + 1 : source->first;
}

}  // namespace rf
