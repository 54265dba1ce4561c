// What lies behind synthetic faces: pieces of photographs that show no face, or patterns.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/image.hpp"
#include "engine/random.hpp"
#include "retinaface/data/source.hpp"
#include "retinaface/matching.hpp"
#include "retinaface/size_rule.hpp"

namespace rf {

struct BackgroundOptions {
  // So many pictures of the folder, spread evenly over its label file, are ever used; 0: all.
  Index most_pictures = 0;
  // Decoded pictures are kept in memory up to here, and stay; others are decoded each time.
  Index cached_bytes = Index{256} << 20;
};

// Copies share the pictures. Used by several threads at once.
class SyntheticBackgrounds {
 public:
  // Patterns alone (retinaface/dense/procedural_background.hpp).
  SyntheticBackgrounds() = default;

  // Pieces of the pictures of a data set, chosen by free_crop(). Throws FileError, FormatError: a
  // label file that cannot be read; UsageError: options without sense.
  explicit SyntheticBackgrounds(const DataSource& source, const BackgroundOptions& options = {});

  // A picture of this size; depends on the numbers alone. Eight pictures at random are tried; if
  // none of them has a free piece or can be read, it is a pattern. Half of the pieces are mirrored.
  [[nodiscard]] Image operator()(ImageSize size, Random random) const;

  // Pictures that can be chosen; 0 for patterns alone.
  [[nodiscard]] Index pictures() const;

  // By path, why pictures could not be read so far.
  [[nodiscard]] std::map<std::string, std::string> errors() const;

 private:
  struct Photographs;
  std::shared_ptr<const Photographs> photographs_;  // none: patterns alone
};

struct BackgroundCrop {
  Index x, y, width, height;
};

// A piece of a picture, of the proportions of `wanted` and at least half as large, that comes no
// nearer than a pixel to any labelled or ignored box. Twelve random ones are tried, of sizes
// uniform up to the largest that the picture holds; nothing if all touch a box, or the picture is
// too small.
[[nodiscard]] std::optional<BackgroundCrop> free_crop(ImageSize picture,
                                                      const PictureLabels& labels, ImageSize wanted,
                                                      Random& random);

}  // namespace rf
