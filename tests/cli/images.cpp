#include "tests/cli/images.hpp"

#include <array>
#include <fstream>
#include <sstream>

#include "engine/file.hpp"
#include "engine/random.hpp"

namespace rf::test {

std::string noise_ppm(Index width, Index height, std::uint64_t seed) {
  std::string file = "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n";
  Random random(seed, RandomPurpose::test);
  for (Index i = 0; i < width * height * 3; ++i) file += static_cast<char>(random.below(256));
  return file;
}

std::string png_header(std::uint32_t width, std::uint32_t height) {
  const auto big_endian = [](std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255U);
    return bytes;
  };
  const std::string chunk = "IHDR" + big_endian(width) + big_endian(height) +
                            std::string("\x08\x02\x00\x00\x00", 5);  // 8-bit RGB
  std::uint32_t crc = 0xffffffffU;  // CRC-32 of the PNG specification, annex D
  for (const char c : chunk) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) ? crc >> 1 ^ 0xedb88320U : crc >> 1;
  }
  return "\x89PNG\r\n\x1a\n" + big_endian(13) + chunk + big_endian(crc ^ 0xffffffffU);
}

void put(const std::string& path, const std::string& content) {
  write_file(path, content, IfExists::replace);
}

std::string get(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace rf::test
