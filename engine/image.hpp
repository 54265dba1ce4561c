// Pictures: 8-bit RGB in memory, decoded from and encoded to files. Decoders: JPEG, PNG, BMP
// (stb_image with every other format compiled out) and PPM/PGM. Files are hostile: structure and
// size are judged before anything is decoded (image_probe.hpp), and what decoding holds is bounded
// (decoder_memory).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/file.hpp"
#include "engine/image_probe.hpp"
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

// Decodes a whole file held in memory; grey becomes RGB, transparency is dropped (the RGB values
// stay as they are), 16-bit samples keep their upper 8 bits, Adobe's CMYK and YCCK JPEGs become RGB
// without a colour profile. Bytes after the picture are ignored. `name` is for messages. Throws
// FormatError: empty, truncated anywhere, no known format, corrupt, or above max_pixels. A JPEG
// whose coefficients are damaged but whose segments are whole may decode to a damaged picture, the
// same in every run: JPEG has no checksum.
[[nodiscard]] Image decode_image(std::span<const std::byte> file, const std::string& name,
                                 const DecodeOptions& options = {});

// The same for a file that probe_image has passed, for those who look at its size first.
[[nodiscard]] Image decode_image(std::span<const std::byte> file, const std::string& name,
                                 const ImageProbe& probe, const DecodeOptions& options);

// The most bytes that decode_image holds at once, the file itself and the result not counted: 32
// for each pixel + 4 times the file + 32 MiB.
[[nodiscard]] Index decoder_memory(const ImageProbe& probe, Index file_bytes);

// The same for a file on disk; additionally throws FileError when it cannot be read, or is larger.
inline constexpr Index kMaxImageFileBytes = Index{1} << 30;
[[nodiscard]] Image read_image(const std::string& path, const DecodeOptions& options = {});

// Encodes by the extension of `path` (.png, .jpg or .jpeg, .bmp, .ppm; any case) and writes it
// atomically. Throws UsageError for another extension, FileError when it cannot be written or
// exists with IfExists::refuse.
void write_image(const std::string& path, const Image& image, IfExists if_exists);

// The bytes of a JPEG file. Quality 1 to 100; above 90 the encoder keeps the full resolution of
// colours. Throws ShapeError for an empty picture, or one too large for a JPEG (65535 pixels a
// side, 2^29 in all).
[[nodiscard]] std::vector<std::byte> encode_jpeg(const Image& image, int quality = 92);

}  // namespace rf
