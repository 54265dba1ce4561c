// The one EXIF value that moves pixels: tag 0x0112, orientation.
#pragma once

#include <cstddef>
#include <span>

namespace rf {

// Which way up a JPEG is stored, 1 to 8 (EXIF 2.32, section 4.6.4): what its first row and first
// column show.
//   1 top, left     2 top, right     3 bottom, right    4 bottom, left
//   5 left, top     6 right, top     7 right, bottom    8 left, bottom
// 1 is upright; also the answer when `jpeg` has no such tag, is cut off before it, or holds
// nonsense there.
[[nodiscard]] int exif_orientation(std::span<const std::byte> jpeg);

}  // namespace rf
