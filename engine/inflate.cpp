#include "engine/inflate.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "engine/check.hpp"

// The inflater of stb_image alone: private to this file, every picture format compiled out.
#define STBI_NO_JPEG
#define STBI_NO_PNG
#define STBI_NO_BMP
#define STBI_NO_PSD
#define STBI_NO_TGA
#define STBI_NO_GIF
#define STBI_NO_HDR
#define STBI_NO_PIC
#define STBI_NO_PNM
#define STBI_NO_LINEAR
#define STBI_NO_STDIO
#define STBI_SUPPORT_ZLIB
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace rf {

namespace {

// A deflate block needs at least two bits for 258 bytes of output, so that no input grows more than
// 1032 times.
constexpr Index kLargestRatio = 1032;
constexpr Index kHeaderBytes = 2, kChecksumBytes = 4;

std::uint32_t adler32(std::span<const std::byte> bytes) {
  std::uint32_t a = 1, b = 0;
  // 5552 additions of 255 to b stay below 2^32 (RFC 1950, section 9).
  while (!bytes.empty()) {
    const std::size_t n = std::min<std::size_t>(bytes.size(), 5552);
    for (const std::byte byte : bytes.first(n)) {
      a += std::to_integer<std::uint32_t>(byte);
      b += a;
    }
    a %= 65521;
    b %= 65521;
    bytes = bytes.subspan(n);
  }
  return b << 16 | a;
}

std::uint32_t read_big_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes.first(4))
    value = value << 8 | std::to_integer<std::uint32_t>(byte);
  return value;
}

}  // namespace

std::vector<std::byte> inflate_zlib(std::span<const std::byte> compressed, Index max_bytes) {
  constexpr Index kInt = std::numeric_limits<int>::max();
  const Index input = static_cast<Index>(compressed.size());
  if (input <= kHeaderBytes + kChecksumBytes) throw FormatError("zlib stream is truncated");
  if (input > kInt)
    throw FormatError(message("zlib stream has ", input, " bytes, at most ", kInt, " are read"));
  const Index limit = std::max<Index>(1, std::min({max_bytes, kInt, input * kLargestRatio}));

  // stb writes into a buffer of fixed size and says when it is full: a small stream that claims to
  // be large is refused after at most `limit` bytes.
  for (Index size = std::min(limit, std::max<Index>(4096, 4 * input));;
       size = std::min(limit, 2 * size)) {
    std::vector<std::byte> content(static_cast<std::size_t>(size));
    stbi__g_failure_reason = nullptr;  // one of stb's failures sets no reason
    const int written = stbi_zlib_decode_buffer(
        reinterpret_cast<char*>(content.data()), static_cast<int>(size),
        reinterpret_cast<const char*>(compressed.data()), static_cast<int>(input));
    if (written >= 0) {
      content.resize(static_cast<std::size_t>(written));
      if (adler32(content) != read_big_endian(compressed.last(kChecksumBytes))) {
        throw FormatError("zlib stream is corrupt: its checksum does not fit its content");
      }
      return content;
    }
    const char* reason = stbi_failure_reason();
    if (reason == nullptr || std::string_view(reason) != "output buffer limit") {
      throw FormatError("zlib stream is corrupt or truncated");
    }
    if (size == limit) {
      throw FormatError(message("zlib stream holds more than ", limit, " bytes"));
    }
  }
}

}  // namespace rf
