// Picture files made by hand, byte by byte, for tests and fuzz seeds: what writers of pictures do
// not write.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace rf::test {

using Bytes = std::vector<std::byte>;

inline void put(Bytes& out, std::initializer_list<int> values) {
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
}
inline void put_text(Bytes& out, const std::string& text) {
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
}
inline void put_be(Bytes& out, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}
inline void put_le(Bytes& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}
inline void put_all(Bytes& out, const Bytes& more) {
  const auto at = static_cast<std::ptrdiff_t>(out.size());  // GCC 12 takes insert() for an overrun
  out.resize(out.size() + more.size());
  std::copy(more.begin(), more.end(), out.begin() + at);
}

// --- JPEG: flat blocks of 8 x 8 pixels, so that every pixel's value is exact ---

// Bits of entropy-coded data, with a zero stuffed after each 0xFF.
class BitWriter {
 public:
  void put_bits(int value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      current_ = current_ << 1 | (value >> i & 1);
      if (++used_ == 8) flush_byte();
    }
  }
  Bytes finish() {
    while (used_ != 0) put_bits(1, 1);
    return bytes_;
  }

 private:
  void flush_byte() {
    bytes_.push_back(static_cast<std::byte>(current_));
    if (current_ == 0xFF) bytes_.push_back(std::byte{0});
    current_ = used_ = 0;
  }
  Bytes bytes_;
  int current_ = 0, used_ = 0;
};

struct FlatJpeg {
  int width = 8, height = 8;  // pixels
  std::vector<std::vector<int>>
      components;            // per component the value, 0 .. 255, of each block, row by row
  bool progressive = false;  // else baseline
  int adobe_transform = -1;  // the colour transform of an Adobe segment; -1: no such segment
  Bytes extra;               // segments after the start of the image (EXIF)
};

inline Bytes make_jpeg(const FlatJpeg& picture) {
  const auto components = static_cast<int>(picture.components.size());
  Bytes out;
  put(out, {0xFF, 0xD8});
  put_all(out, picture.extra);
  if (picture.adobe_transform >= 0) {
    put(out, {0xFF, 0xEE, 0, 14});
    put_text(out, "Adobe");
    put(out, {0, 100, 0, 0, 0, 0, picture.adobe_transform});
  }
  // Quantisation by 8 throughout: a block's DC coefficient is then its value - 128.
  put(out, {0xFF, 0xDB, 0, 67, 0});
  out.insert(out.end(), 64, std::byte{8});
  put(out, {0xFF, picture.progressive ? 0xC2 : 0xC0, 0, 8 + 3 * components, 8});
  put_be(out, static_cast<std::uint32_t>(picture.height), 2);
  put_be(out, static_cast<std::uint32_t>(picture.width), 2);
  put(out, {components});
  constexpr std::array kRgbNames{'R', 'G', 'B'};  // three components of these names are not YCbCr
  const auto name = [&](int c) {
    return components == 3 ? kRgbNames[static_cast<std::size_t>(c)] : c + 1;
  };
  for (int c = 0; c < components; ++c) put(out, {name(c), 0x11, 0});
  // DC: the sizes 0 .. 9 have codes of four bits, 0000 .. 1001. AC: end of block is the code 0.
  put(out, {0xFF, 0xC4, 0, 19 + 10, 0x00, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  put(out, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  put(out, {0xFF, 0xC4, 0, 19 + 1, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});

  const auto begin_scan = [&](int first, int count, int spectral_begin, int spectral_end,
                              int bits) {
    put(out, {0xFF, 0xDA, 0, 6 + 2 * count, count});
    for (int c = first; c < first + count; ++c) put(out, {name(c), 0x00});
    put(out, {spectral_begin, spectral_end, bits});
  };
  const auto blocks = picture.components[0].size();
  // Baseline: one scan. Progressive: all bits but the lowest of DC, then the lowest, then AC
  // (nothing but ends of block).
  const int shift = picture.progressive ? 1 : 0;
  begin_scan(0, components, 0, picture.progressive ? 0 : 63, shift);
  BitWriter bits;
  std::vector<int> before(picture.components.size(), 0);
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::size_t c = 0; c < picture.components.size(); ++c) {
      const int dc = (picture.components[c][block] - 128) >> shift;
      const int difference = dc - before[c];
      before[c] = dc;
      int size = 0;
      while ((difference < 0 ? -difference : difference) >> size != 0) ++size;
      bits.put_bits(size, 4);
      bits.put_bits(difference < 0 ? difference + (1 << size) - 1 : difference, size);
      if (!picture.progressive) bits.put_bits(0, 1);
    }
  }
  put_all(out, bits.finish());
  if (picture.progressive) {
    begin_scan(0, components, 0, 0, 0x10);
    BitWriter lowest;
    for (std::size_t block = 0; block < blocks; ++block) {
      for (const std::vector<int>& component : picture.components) {
        lowest.put_bits((component[block] - 128) & 1, 1);
      }
    }
    put_all(out, lowest.finish());
    for (int c = 0; c < components; ++c) {
      begin_scan(c, 1, 1, 63, 0);
      BitWriter ends;
      for (std::size_t block = 0; block < blocks; ++block) ends.put_bits(0, 1);
      put_all(out, ends.finish());
    }
  }
  put(out, {0xFF, 0xD9});
  return out;
}

// An APP1 segment whose TIFF directory holds the orientation, behind another entry.
inline Bytes exif_segment(int orientation, bool big_endian) {
  Bytes tiff;
  const auto put_number = [&](std::uint32_t value, int bytes) {
    big_endian ? put_be(tiff, value, bytes) : put_le(tiff, value, bytes);
  };
  put_text(tiff, big_endian ? "MM" : "II");
  put_number(42, 2);
  put_number(8, 4);  // the directory begins here
  put_number(2, 2);  // entries
  put_number(0x0100, 2), put_number(4, 2), put_number(1, 4), put_number(640, 4);
  put_number(0x0112, 2), put_number(3, 2), put_number(1, 4);
  put_number(static_cast<std::uint32_t>(orientation), 2), put_number(0, 2);
  put_number(0, 4);  // no further directory
  Bytes segment;
  put(segment, {0xFF, 0xE1});
  put_be(segment, static_cast<std::uint32_t>(2 + 6 + tiff.size()), 2);
  put_text(segment, std::string("Exif\0\0", 6));
  put_all(segment, tiff);
  return segment;
}

// --- PNG, without compression ---

inline Bytes png_chunk(const std::string& type, const Bytes& content) {
  Bytes out;
  put_be(out, static_cast<std::uint32_t>(content.size()), 4);
  put_text(out, type);
  put_all(out, content);
  std::uint32_t crc = 0xFFFFFFFF;
  for (std::size_t i = 4; i < out.size(); ++i) {
    crc ^= std::to_integer<std::uint32_t>(out[i]);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0U);
  }
  put_be(out, ~crc, 4);
  return out;
}

// A zlib stream of one stored block.
inline Bytes zlib_stored(const Bytes& content) {
  Bytes out;
  put(out, {0x78, 0x01, 0x01});
  put_le(out, static_cast<std::uint32_t>(content.size()), 2);
  put_le(out, ~static_cast<std::uint32_t>(content.size()), 2);
  put_all(out, content);
  std::uint32_t a = 1, b = 0;
  for (const std::byte byte : content) {
    a = (a + std::to_integer<std::uint32_t>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  put_be(out, b << 16 | a, 4);
  return out;
}

struct HandPng {
  std::uint32_t width = 1, height = 1;
  int depth = 8, colour_type = 2;  // 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA
  Bytes samples;                   // rows, each with its filter byte (0) before it
  Bytes palette, transparency;     // left out when empty
};

inline Bytes make_png(const HandPng& picture) {
  Bytes out, header;
  put(out, {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
  put_be(header, picture.width, 4);
  put_be(header, picture.height, 4);
  put(header, {picture.depth, picture.colour_type, 0, 0, 0});
  put_all(out, png_chunk("IHDR", header));
  if (!picture.palette.empty()) put_all(out, png_chunk("PLTE", picture.palette));
  if (!picture.transparency.empty()) put_all(out, png_chunk("tRNS", picture.transparency));
  put_all(out, png_chunk("IDAT", zlib_stored(picture.samples)));
  put_all(out, png_chunk("IEND", {}));
  return out;
}

// --- BMP with a palette: 8 bits per pixel, rows from the bottom, padded to four bytes ---

inline Bytes make_palette_bmp(int width, int height, const Bytes& palette, const Bytes& rows) {
  Bytes out;
  put_text(out, "BM");
  put_le(out, 0, 4), put_le(out, 0, 4);
  put_le(out, static_cast<std::uint32_t>(54 + palette.size()), 4);
  put_le(out, 40, 4);
  put_le(out, static_cast<std::uint32_t>(width), 4),
      put_le(out, static_cast<std::uint32_t>(height), 4);
  put_le(out, 1, 2), put_le(out, 8, 2);
  for (int i = 0; i < 6; ++i) put_le(out, 0, 4);
  put_all(out, palette);
  put_all(out, rows);
  return out;
}

}  // namespace rf::test
