// Decompression of zlib streams (RFC 1950) held in memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// The content of one whole zlib stream; `compressed` ends with its Adler-32 checksum, which is
// compared. Never allocates more than twice `max_bytes`, nor more than deflate can possibly give
// for an input of this size. Throws FormatError: not a zlib stream, truncated, corrupt (the
// checksum tells), or more than max_bytes of content.
[[nodiscard]] std::vector<std::byte> inflate_zlib(std::span<const std::byte> compressed,
                                                  Index max_bytes);

}  // namespace rf
