// The pictures of a training, from one or several sources, and the order in which an epoch takes
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retinaface/matching.hpp"

namespace rf {

struct TrainingPicture {
  std::string path;  // of the picture file
  PictureLabels labels;
};

// Pictures that are mixed with those of other sources: in an epoch each comes `weight` times on
// average.
struct PictureSource {
  std::vector<TrainingPicture> pictures;
  double weight = 1;  // above 0
};

class Dataset {
 public:
  // Throws UsageError: no pictures, or a weight that leaves none.
  explicit Dataset(std::vector<PictureSource> sources);

  // Numbered through all sources.
  [[nodiscard]] Index pictures() const { return static_cast<Index>(pictures_.size()); }
  [[nodiscard]] const TrainingPicture& operator[](Index picture) const {
    return pictures_[static_cast<std::size_t>(picture)];
  }

  // How many pictures an epoch takes: the sum of round(weight * pictures) over the sources.
  [[nodiscard]] Index epoch_size() const { return epoch_size_; }

  // The pictures of an epoch, shuffled. Of each source they are dealt like a pack of cards, again
  // and again: no picture comes twice more often than another of its source, and what one epoch
  // leaves out of a pack is dealt in the next. Depends on (seed, epoch) alone.
  [[nodiscard]] std::vector<Index> epoch_order(std::uint64_t seed, Index epoch) const;

  // The picture to take instead of one that cannot be read: the next of its source, round and
  // round.
  [[nodiscard]] Index next_in_source(Index picture) const;

 private:
  struct Range {
    Index first, count;  // of pictures
    Index per_epoch;
  };
  std::vector<TrainingPicture> pictures_;
  std::vector<Range> sources_;
  Index epoch_size_ = 0;
};

}  // namespace rf
