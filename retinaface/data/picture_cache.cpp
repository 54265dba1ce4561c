#include "retinaface/data/picture_cache.hpp"

#include "engine/check.hpp"

namespace rf {

PictureCache::PictureCache(const Dataset& data, Index bytes)
    : data_(data), free_(bytes), images_(static_cast<std::size_t>(data.pictures())) {}

std::shared_ptr<const Image> PictureCache::get(Index picture) {
  const auto i = static_cast<std::size_t>(picture);
  {
    const std::lock_guard lock(mutex_);
    if (images_[i]) return images_[i];
    if (const auto found = errors_.find(picture); found != errors_.end())
      throw FileError(found->second);
  }
  std::shared_ptr<const Image> image;
  try {
    // Labels are in pixels of the stored picture, hence no turning by EXIF.
    image = std::make_shared<const Image>(read_image(data_[picture].path, {.apply_exif = false}));
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    errors_.emplace(picture, error.what());
    throw;
  }
  const std::lock_guard lock(mutex_);
  const auto bytes = static_cast<Index>(image->rgb.size());
  if (!images_[i] && bytes <= free_) {
    images_[i] = image;
    free_ -= bytes;
  }
  return image;
}

std::map<std::string, std::string> PictureCache::errors() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> by_path;
  for (const auto& [picture, text] : errors_) by_path.emplace(data_[picture].path, text);
  return by_path;
}

}  // namespace rf
