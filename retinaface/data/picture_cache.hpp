// The decoded pictures of a training, read once and kept while there is room.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/image.hpp"
#include "retinaface/data/dataset.hpp"

namespace rf {

// Used by several threads at once. What is in it stays; `data` must outlive it.
class PictureCache {
 public:
  // Keeps up to `bytes` of pixels.
  PictureCache(const Dataset& data, Index bytes);

  // Throws FileError, FormatError; of one picture in every call alike, without reading it again.
  [[nodiscard]] std::shared_ptr<const Image> get(Index picture);

  // By path, why pictures could not be read.
  [[nodiscard]] std::map<std::string, std::string> errors() const;

 private:
  const Dataset& data_;
  mutable std::mutex mutex_;
  Index free_;
  std::vector<std::shared_ptr<const Image>> images_;
  std::map<Index, std::string> errors_;
};

}  // namespace rf
