// Pictures for tests that need none in particular.
#pragma once

#include <cstdint>

#include "engine/image.hpp"
#include "engine/random.hpp"

namespace rf::test {

// Every sample random.
inline Image noise_image(Index width, Index height, std::uint64_t seed = 7) {
  Random random(seed, RandomPurpose::test);
  Image image{width, height, {}};
  for (Index i = 0; i < 3 * width * height; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(random.below(256)));
  return image;
}

}  // namespace rf::test
