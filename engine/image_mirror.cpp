#include "engine/image_mirror.hpp"

#include <algorithm>

namespace rf {

Image mirrored(const Image& image) {
  Image result{image.width, image.height, {}};
  result.rgb.resize(image.rgb.size());
  for (Index row = 0; row < image.height; ++row) {
    for (Index x = 0; x < image.width; ++x) {
      const auto from = image.rgb.begin() + 3 * (row * image.width + x);
      std::copy(from, from + 3, result.rgb.begin() + 3 * (row * image.width + image.width - 1 - x));
    }
  }
  return result;
}

}  // namespace rf
