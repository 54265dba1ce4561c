// The picture codecs of stb (stb_image, stb_image_write), behind an interface of our own. Only
// stb.cpp includes them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/image.hpp"

namespace rf::stb {

// Decodes a JPEG, PNG or BMP that probe_image has passed. Every buffer starts at zero, so that a
// corrupt file gives the same picture in every run, and together they never hold more than
// `max_bytes`. Throws FormatError (with stb's reason), std::bad_alloc.
[[nodiscard]] Image decode(std::span<const std::byte> file, const std::string& name,
                           std::size_t max_bytes);

// Encodes. Requires 1 <= width, height and 4 * width * height < 2^31; JPEG also width, height <=
// 65535. Throws std::bad_alloc.
[[nodiscard]] std::vector<std::byte> encode_png(const Image& image);
[[nodiscard]] std::vector<std::byte> encode_jpeg(const Image& image, int quality);
[[nodiscard]] std::vector<std::byte> encode_bmp(const Image& image);

}  // namespace rf::stb
