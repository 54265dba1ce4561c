#include "engine/exif.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace rf {

namespace {

// Bytes with bounds: reads outside give 0 and are remembered.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, bool big_endian)
      : bytes_(bytes), big_endian_(big_endian) {}

  std::uint32_t u16(std::size_t at) {
    if (at + 2 > bytes_.size()) return 0;
    return big_endian_ ? byte(at) << 8 | byte(at + 1) : byte(at + 1) << 8 | byte(at);
  }
  std::uint32_t u32(std::size_t at) {
    if (at + 4 > bytes_.size()) return 0;
    return big_endian_ ? u16(at) << 16 | u16(at + 2) : u16(at + 2) << 16 | u16(at);
  }

 private:
  std::uint32_t byte(std::size_t at) const { return std::to_integer<std::uint32_t>(bytes_[at]); }

  std::span<const std::byte> bytes_;
  bool big_endian_;
};

bool starts_with(std::span<const std::byte> bytes, const char* text, std::size_t length) {
  return bytes.size() >= length && std::memcmp(bytes.data(), text, length) == 0;
}

// `tiff`: a TIFF header and its first directory, 12 bytes per entry: tag, type, count, value.
int tiff_orientation(std::span<const std::byte> tiff) {
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3;
  const bool big_endian = starts_with(tiff, "MM", 2);
  if (!big_endian && !starts_with(tiff, "II", 2)) return 1;
  Reader reader(tiff, big_endian);
  if (reader.u16(2) != 42) return 1;
  const std::size_t directory = reader.u32(4);
  const std::size_t entries = reader.u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    if (reader.u16(entry) != kOrientation) continue;
    const std::uint32_t value = reader.u16(entry + 8);
    const bool sensible =
        reader.u16(entry + 2) == kShort && reader.u32(entry + 4) == 1 && value >= 1 && value <= 8;
    return sensible ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

int exif_orientation(std::span<const std::byte> jpeg) {
  constexpr std::uint32_t kStartOfImage = 0xFFD8, kApp1 = 0xE1, kStartOfScan = 0xDA, kEnd = 0xD9;
  Reader reader(jpeg, true);
  if (reader.u16(0) != kStartOfImage) return 1;
  // Segments: marker 0xFFxx (more 0xFF may stand before it), length that counts itself, content.
  for (std::size_t at = 2; at + 4 <= jpeg.size();) {
    if (jpeg[at] != std::byte{0xFF}) return 1;
    const std::uint32_t marker = reader.u16(at) & 0xFF;
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (marker == kStartOfScan || marker == kEnd) return 1;
    const std::size_t length = reader.u16(at + 2);
    if (length < 2) return 1;
    const std::size_t content = at + 4, end = std::min(at + 2 + length, jpeg.size());
    const std::span<const std::byte> segment = jpeg.subspan(content, end - content);
    if (marker == kApp1 && starts_with(segment, "Exif\0", 6)) {
      return tiff_orientation(segment.subspan(6));
    }
    at += 2 + length;
  }
  return 1;
}

}  // namespace rf
