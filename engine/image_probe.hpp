// What a picture file says about itself, judged before any decoder sees the file.
//
// The decoder (stb_image 2.27) trusts more than a hostile file deserves. probe_image refuses what
// it would get wrong:
//   JPEG  a Huffman table with more than 256 symbols (overruns its tables), more than 128 scans
//   (work without end),
//         four components without Adobe's marker (colours unknown), kinds it does not know
//   PNG   chunks that leave the file, unknown critical chunks (its message for them is shared
//   between threads) BMP   pixels that the file does not hold (it makes them up), senseless
//   heights, palettes of OS/2 1.x files all   truncated files: a picture is read whole or not at
//   all
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

enum class ImageFormat { jpeg, png, bmp, pnm };

[[nodiscard]] const char* to_string(ImageFormat format);  // "JPEG", ...

struct ImageProbe {
  ImageFormat format;
  Index width = 0, height = 0;  // at least 1 each
  // PNG and BMP with a palette shorter than their pixels can index: where entries have to be
  // inserted before decoding, so that a pixel without an entry becomes black instead of whatever
  // the decoder's stack holds.
  std::size_t palette_end = 0;      // 0: nothing to do
  std::size_t palette_missing = 0;  // bytes
};

// Throws FormatError, one line that begins with `name`: empty, no known format, truncated, corrupt
// in its structure, or more than max_pixels (then before anything but the header has been looked
// at).
[[nodiscard]] ImageProbe probe_image(std::span<const std::byte> file, const std::string& name,
                                     Index max_pixels);

// `file` with its palette filled up as `probe` says.
[[nodiscard]] std::vector<std::byte> complete_palette(std::span<const std::byte> file,
                                                      const ImageProbe& probe);

// A PPM or PGM header (P5 or P6, comments allowed): samples of one byte up to maximum 255, else
// two, high byte first.
struct PnmHeader {
  Index width = 0, height = 0;
  int channels = 0;        // 1 or 3
  int maximum = 0;         // 1 .. 65535: the sample value that means white
  std::size_t pixels = 0;  // where they begin
};

// Throws FormatError: no such header. Does not look at the pixels.
[[nodiscard]] PnmHeader parse_pnm_header(std::span<const std::byte> file, const std::string& name);

}  // namespace rf
