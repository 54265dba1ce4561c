// Any bytes as a picture file: a picture of the promised size, or one line of text.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/check.hpp"
#include "engine/exif.hpp"
#include "engine/image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const int orientation = rf::exif_orientation(file);
  if (orientation < 1 || orientation > 8) std::abort();
  constexpr rf::Index kMaxPixels = 1 << 16;  // small, so that the time goes into parsing
  try {
    const rf::Image image = rf::decode_image(file, "fuzz", {.max_pixels = kMaxPixels});
    if (image.width < 1 || image.height < 1 || image.width > kMaxPixels / image.height)
      std::abort();
    if (image.rgb.size() != static_cast<std::size_t>(3 * image.width * image.height)) std::abort();
    const rf::Image again = rf::decode_image(file, "fuzz", {.max_pixels = kMaxPixels});
    if (again.rgb != image.rgb) std::abort();  // unset memory shows as a difference
  } catch (const rf::Error&) {
  }
  return 0;
}
