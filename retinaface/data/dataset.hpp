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
  // Throws UsageError: no pictures, or a source whose weight makes none of its pictures, or more
  // than 1e9, an epoch's share.
  explicit Dataset(std::vector<PictureSource> sources);

  // Numbered through all sources.
  [[nodiscard]] Index pictures() const { return static_cast<Index>(pictures_.size()); }
  [[nodiscard]] const TrainingPicture& operator[](Index picture) const {
    return pictures_[static_cast<std::size_t>(picture)];
  }

  // How many pictures an epoch takes: the sum of round(weight * pictures) over the sources.
  [[nodiscard]] Index epoch_size() const { return epoch_size_; }

  // The pictures of an epoch, shuffled. Each source is dealt like a pack of cards, shuffled anew
  // whenever it is used up: what one epoch leaves of a pack comes in the next. So from the first
  // epoch to the end of any, no picture has come more than once more often than another of its
  // source; within one epoch that begins in the middle of a pack, it may be twice more often.
  // Depends on (seed, epoch) alone.
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
