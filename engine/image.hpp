// Pictures: 8-bit RGB in memory, decoded from and encoded to files. Decoders: JPEG, PNG, BMP,
// PPM/PGM (stb_image with every other format compiled out). Files are hostile: the header's size is
// judged before anything is decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/file.hpp"
#include "engine/shape.hpp"

namespace rf {

// Interleaved red, green, blue, row by row from the top, no padding: rgb.size() == 3 * width *
// height.
struct Image {
  Index width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

struct DecodeOptions {
  Index max_pixels = 100'000'000;  // width * height above this is refused before decoding
  bool apply_exif = true;          // turn upright by the EXIF orientation tag of a JPEG
};

// Decodes a whole file held in memory; grey becomes RGB, transparency is laid over black's RGB
// values unchanged (alpha dropped), 16-bit samples keep their upper 8 bits. `name` is for messages.
// Throws FormatError: empty, truncated before the first pixel, no known format, corrupt, or above
// max_pixels.
[[nodiscard]] Image decode_image(std::span<const std::byte> file, const std::string& name,
                                 const DecodeOptions& options = {});

// The same for a file; additionally throws FileError when it cannot be read.
[[nodiscard]] Image read_image(const std::string& path, const DecodeOptions& options = {});

// Encodes by the extension of `path` (.png, .jpg or .jpeg, .bmp, .ppm; any case) and writes it
// atomically. Throws UsageError for another extension, FileError when it cannot be written or
// exists with IfExists::refuse.
void write_image(const std::string& path, const Image& image, IfExists if_exists);

}  // namespace rf
