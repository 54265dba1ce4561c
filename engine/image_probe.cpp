#include "engine/image_probe.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "engine/check.hpp"

namespace rf {

namespace {

constexpr int kMaxScans = 128;  // a progressive JPEG has about ten
constexpr std::size_t kPaletteEntries = 256;

// The decoder counts bytes of a picture in 32 bits: 6 bytes per pixel (16-bit RGB) must fit.
constexpr Index kDecoderPixels = Index{1} << 28;

using Bytes = std::span<const std::byte>;

// A file under inspection: bounded reads, and messages that name it.
class Probe {
 public:
  Probe(Bytes file, const std::string& name, const char* format, Index max_pixels)
      : file_(file), name_(name), format_(format), max_pixels_(max_pixels) {}

  [[nodiscard]] std::size_t size() const { return file_.size(); }

  [[nodiscard]] std::uint32_t u8(std::size_t at) const {
    need(at, 1);
    return std::to_integer<std::uint32_t>(file_[at]);
  }
  [[nodiscard]] std::uint32_t u16be(std::size_t at) const { return u8(at) << 8 | u8(at + 1); }
  [[nodiscard]] std::uint32_t u32be(std::size_t at) const {
    return u16be(at) << 16 | u16be(at + 2);
  }
  [[nodiscard]] std::uint32_t u16le(std::size_t at) const { return u8(at + 1) << 8 | u8(at); }
  [[nodiscard]] std::uint32_t u32le(std::size_t at) const {
    return u16le(at + 2) << 16 | u16le(at);
  }

  [[nodiscard]] bool has_text(std::size_t at, const char* text, std::size_t length) const {
    return at + length <= size() && std::memcmp(file_.data() + at, text, length) == 0;
  }

  // The first byte of this value from `at` on; the end of the file if there is none.
  [[nodiscard]] std::size_t find(int value, std::size_t at) const {
    need(at, 0);
    const void* found = std::memchr(file_.data() + at, value, size() - at);
    return found ? static_cast<std::size_t>(static_cast<const std::byte*>(found) - file_.data())
                 : size();
  }

  // Throws unless `count` bytes from `at` are there.
  void need(std::size_t at, std::size_t count) const {
    if (at > size() || count > size() - at) {
      fail("is truncated: it has ", size(), " bytes, at least ", at + count, " are needed");
    }
  }

  void judge_size(Index width, Index height) const {
    if (width < 1 || height < 1) fail("has a size of ", width, " x ", height, " pixels");
    const Index limit = std::min(max_pixels_, kDecoderPixels);
    if (width <= limit / height) return;
    if (max_pixels_ <= kDecoderPixels) {
      fail("has ", width, " x ", height, " pixels, above the limit of ", max_pixels_,
           " (--max-pixels raises it)");
    }
    fail("has ", width, " x ", height, " pixels, the decoder can take ", kDecoderPixels,
         " whatever --max-pixels says");
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(name_, ": the ", format_, " file ", parts...));
  }

 private:
  Bytes file_;
  const std::string& name_;
  const char* format_;
  Index max_pixels_;
};

// --- JPEG (ITU-T T.81, annex B) ---

enum JpegMarker : std::uint32_t {
  kBaseline = 0xC0,  // the first kind of frame
  kProgressive = 0xC2,
  kHuffmanTables = 0xC4,
  kLastFrame = 0xCF,
  kFirstRestart = 0xD0,
  kLastRestart = 0xD7,
  kEndOfImage = 0xD9,
  kStartOfScan = 0xDA,
  kAdobe = 0xEE
};

void check_huffman_tables(const Probe& probe, std::size_t at, std::size_t end) {
  while (at < end) {
    std::size_t symbols = 0;
    for (std::size_t length = 1; length <= 16; ++length) symbols += probe.u8(at + length);
    if (symbols > 256)
      probe.fail("is corrupt: a Huffman table has ", symbols, " symbols, 256 exist");
    at += 17 + symbols;
  }
}

// The end of the entropy-coded data that begins at `at`: the next marker that is neither a restart
// nor a stuffed zero.
std::size_t skip_scan(const Probe& probe, std::size_t at) {
  for (;; ++at) {
    at = probe.find(0xFF, at);
    const std::uint32_t next = probe.u8(at + 1);
    if (next != 0 && next != 0xFF && !(next >= kFirstRestart && next <= kLastRestart)) return at;
  }
}

// Reads every segment up to the end of the image, in the way the decoder does: it must not see one
// that we do not.
void probe_jpeg(const Probe& probe, ImageProbe& result) {
  int scans = 0, components = 0;
  std::uint32_t adobe = 1;  // colour transform that Adobe's marker names: 0 CMYK, 1 YCbCr, 2 YCCK
  for (std::size_t at = 2;;) {
    if (probe.u8(at) != 0xFF || probe.u8(at + 1) == 0xFF) {  // padding between segments
      ++at;
      continue;
    }
    const std::uint32_t marker = probe.u8(at + 1);
    at += 2;
    if (marker == kEndOfImage) break;
    const std::size_t length = probe.u16be(at);
    if (length < 2) probe.fail("is corrupt: a segment has a length of ", length);
    probe.need(at, length);
    if (marker == kHuffmanTables) {
      check_huffman_tables(probe, at + 2, at + length);
    } else if (marker == kAdobe) {
      if (length >= 14 && probe.has_text(at + 2, "Adobe\0", 6)) adobe = probe.u8(at + 13);
    } else if (marker == kStartOfScan) {
      if (components == 0) probe.fail("is corrupt: a scan comes before the frame header");
      if (++scans > kMaxScans) probe.fail("has more than ", kMaxScans, " scans");
      at = skip_scan(probe, at + length);
      continue;
    } else if (marker >= kBaseline && marker <= kLastFrame) {
      if (marker > kProgressive) {
        probe.fail("is of a kind that is not read (marker ", marker,
                   "): 8-bit baseline and progressive with Huffman coding are");
      }
      if (components != 0) probe.fail("is corrupt: it has two frame headers");
      if (length < 8) probe.fail("is corrupt: its frame header is too short");
      result.height = probe.u16be(at + 3);
      result.width = probe.u16be(at + 5);
      components = static_cast<int>(probe.u8(at + 7));
      probe.judge_size(result.width, result.height);
      if (components != 1 && components != 3 && components != 4) {
        probe.fail("has ", components, " colour components, 1, 3 and 4 are read");
      }
    }
    at += length;
  }
  if (scans == 0) probe.fail("holds no pixels");
  if (components == 4 && adobe != 0 && adobe != 2) {
    probe.fail("has four colour components and does not say which; save it as RGB");
  }
}

// --- PNG (ISO/IEC 15948) ---

void probe_png(const Probe& probe, ImageProbe& result) {
  constexpr std::size_t kSignature = 8,
                        kAround = 12;  // length, type and checksum around each chunk's content
  constexpr std::uint32_t kAncillary = 0x20;  // bit of the type's first letter
  constexpr std::uint32_t kMaxLength = 0x7FFFFFFF;
  bool palette_image = false, pixels = false;
  for (std::size_t at = kSignature;;) {
    probe.need(at, kAround);
    const std::uint32_t length = probe.u32be(at);
    const bool first = at == kSignature;
    const auto is = [&](const char* type) { return probe.has_text(at + 4, type, 4); };
    if (first != is("IHDR")) probe.fail("is corrupt: IHDR must be its first chunk and no other");
    if (length > kMaxLength) probe.fail("is corrupt: a chunk has a length of ", length);
    if (first) {
      if (length != 13) probe.fail("is corrupt: IHDR has a length of ", length, ", not 13");
      probe.need(at + 8, 13);
      result.width = probe.u32be(at + 8);
      result.height = probe.u32be(at + 12);
      probe.judge_size(result.width, result.height);
      palette_image = probe.u8(at + 17) == 3;
    }
    probe.need(at, kAround + length);
    if (is("IEND")) break;
    if (is("IDAT")) {
      if (!pixels && length == 0) probe.fail("is corrupt: its first IDAT chunk is empty");
      pixels = true;
    } else if (is("PLTE")) {
      if (length % 3 != 0 || length > 3 * kPaletteEntries) {
        probe.fail("is corrupt: its palette has a length of ", length);
      }
      if (palette_image && result.palette_end != 0) probe.fail("is corrupt: it has two palettes");
      if (palette_image) {
        result.palette_end = at + 8 + length;
        result.palette_missing = 3 * kPaletteEntries - length;
      }
    } else if (!first && (probe.u8(at + 4) & kAncillary) == 0) {
      probe.fail("has a critical chunk that is not known");
    }
    at += kAround + length;
  }
  if (!pixels) probe.fail("holds no pixels");
}

// --- BMP ---

void probe_bmp(const Probe& probe, ImageProbe& result) {
  constexpr std::size_t kFileHeader = 14, kOldHeader = 12;
  const std::size_t offset = probe.u32le(10), header = probe.u32le(14);
  std::uint32_t bits = 0;
  if (header == kOldHeader) {
    result.width = probe.u16le(18);
    result.height = probe.u16le(20);
    bits = probe.u16le(24);
    if (bits < 24) probe.fail("has the palette of OS/2 1.x, which is not read; save it anew");
  } else if (header == 40 || header == 56 || header == 108 || header == 124) {
    result.width = static_cast<std::int32_t>(probe.u32le(18));
    const Index height = static_cast<std::int32_t>(probe.u32le(22));
    result.height = height < 0 ? -height : height;  // negative: from the top
    bits = probe.u16le(28);
  } else {
    probe.fail("is of a kind that is not read (header of ", header, " bytes)");
  }
  probe.judge_size(result.width, result.height);
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) {
    probe.fail("has ", bits, " bits per pixel; 1, 4, 8, 16, 24 and 32 are read");
  }
  if (bits < 16) {  // the palette fills what is between the headers and the pixels
    const std::size_t begin = kFileHeader + header;
    if (offset < begin + 4 || offset > begin + 4 * kPaletteEntries) {
      probe.fail("is corrupt: its pixels begin at byte ", offset);
    }
    probe.need(begin, offset - begin);
    result.palette_end = begin + (offset - begin) / 4 * 4;
    result.palette_missing = begin + 4 * kPaletteEntries - result.palette_end;
    if ((offset - begin) % 4 != 0) probe.fail("is corrupt: its pixels begin at byte ", offset);
  }
  // Rows are padded to four bytes; some writers leave the padding of the last one out.
  const Index row = ceil_div(result.width * bits, 8), padded = ceil_div(row, 4) * 4;
  probe.need(offset, static_cast<std::size_t>(padded * (result.height - 1) + row));
}

// --- PPM and PGM ---

void probe_pnm(const Probe& probe, Bytes file, const std::string& name, ImageProbe& result) {
  const PnmHeader header = parse_pnm_header(file, name);
  result.width = header.width;
  result.height = header.height;
  probe.judge_size(header.width, header.height);
  const Index sample = header.maximum > 255 ? 2 : 1;
  probe.need(header.pixels,
             static_cast<std::size_t>(header.width * header.height * header.channels * sample));
}

}  // namespace

const char* to_string(ImageFormat format) {
  constexpr std::array names{"JPEG", "PNG", "BMP", "PPM"};
  return names[static_cast<std::size_t>(format)];
}

PnmHeader parse_pnm_header(Bytes file, const std::string& name) {
  constexpr Index kMaxNumber = 1'000'000'000;
  const Probe probe(file, name, to_string(ImageFormat::pnm), 0);
  PnmHeader header;
  header.channels = probe.u8(1) == '6' ? 3 : 1;
  std::size_t at = 2;
  const auto is_space = [](std::uint32_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  const auto is_digit = [](std::uint32_t c) { return c >= '0' && c <= '9'; };
  const auto next_number = [&]() -> Index {
    while (is_space(probe.u8(at)) || probe.u8(at) == '#') {
      if (probe.u8(at) == '#') {
        while (probe.u8(at) != '\n' && probe.u8(at) != '\r') ++at;
      }
      ++at;
    }
    if (!is_digit(probe.u8(at))) probe.fail("is corrupt: a number is missing in its header");
    Index number = 0;
    for (; is_digit(probe.u8(at)); ++at) {
      number = 10 * number + static_cast<Index>(probe.u8(at) - '0');
      if (number > kMaxNumber)
        probe.fail("is corrupt: a number in its header is above ", kMaxNumber);
    }
    return number;
  };
  header.width = next_number();
  header.height = next_number();
  const Index maximum = next_number();
  if (maximum < 1 || maximum > 65535) {
    probe.fail("is corrupt: its maximum is ", maximum, ", 1 to 65535 are possible");
  }
  header.maximum = static_cast<int>(maximum);
  if (!is_space(probe.u8(at))) probe.fail("is corrupt: white space must end its header");
  header.pixels = at + 1;
  return header;
}

ImageProbe probe_image(Bytes file, const std::string& name, Index max_pixels) {
  const auto begins = [&](const char* text, std::size_t length) {
    return file.size() >= length && std::memcmp(file.data(), text, length) == 0;
  };
  const auto probe_as = [&](ImageFormat format) {
    return Probe(file, name, to_string(format), max_pixels);
  };
  ImageProbe result{};
  if (file.empty()) throw FormatError(message(name, ": the file is empty"));
  if (begins("\xFF\xD8", 2)) {
    result.format = ImageFormat::jpeg;
    probe_jpeg(probe_as(result.format), result);
  } else if (begins("\x89PNG\r\n\x1A\n", 8)) {
    result.format = ImageFormat::png;
    probe_png(probe_as(result.format), result);
  } else if (begins("BM", 2)) {
    result.format = ImageFormat::bmp;
    probe_bmp(probe_as(result.format), result);
  } else if (begins("P5", 2) || begins("P6", 2)) {
    result.format = ImageFormat::pnm;
    probe_pnm(probe_as(result.format), file, name, result);
  } else {
    throw FormatError(message(name, ": not a picture that can be read (JPEG, PNG, BMP, PPM, PGM)"));
  }
  if (result.palette_missing == 0) result.palette_end = 0;
  return result;
}

std::vector<std::byte> complete_palette(Bytes file, const ImageProbe& probe) {
  RF_ASSERT(probe.palette_end <= file.size());
  std::vector<std::byte> whole(file.size() + probe.palette_missing);
  const auto end = file.begin() + static_cast<std::ptrdiff_t>(probe.palette_end);
  std::copy(file.begin(), end, whole.begin());
  std::copy(end, file.end(), whole.end() - (file.end() - end));
  // The length that the header names, moved by what was inserted (the decoder reads no checksums).
  if (probe.format == ImageFormat::png) {
    const std::size_t length =
        probe.palette_end - (3 * kPaletteEntries - probe.palette_missing) - 8;
    whole[length + 2] = std::byte{3};  // 768 = 0x300
    whole[length + 3] = std::byte{0};
  } else {
    const std::size_t offset = probe.palette_end + probe.palette_missing;
    for (std::size_t i = 0; i < 4; ++i) whole[10 + i] = static_cast<std::byte>(offset >> (8 * i));
  }
  return whole;
}

}  // namespace rf
