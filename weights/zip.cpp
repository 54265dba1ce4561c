#include "weights/zip.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "weights/byte_reader.hpp"
#include "weights/shown.hpp"

// The records are those of PKWARE's APPNOTE.TXT, section 4.3.
namespace rf {

namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50, kDirectoryHeader = 0x02014b50,
                        kEndRecord = 0x06054b50;
constexpr std::size_t kEndRecordBytes = 22, kMaxComment = 65535;
constexpr std::size_t kMaxEntries = 65534;  // 65535 announces ZIP64

// The end record is the last in the file but for a comment whose length it gives.
std::optional<std::size_t> find_end_record(std::span<const std::byte> file) {
  if (file.size() < kEndRecordBytes) return {};
  const std::size_t last = file.size() - kEndRecordBytes;
  const std::size_t first = last - std::min(last, kMaxComment);
  for (std::size_t at = last + 1; at-- > first;) {
    std::uint32_t signature = 0;
    std::uint16_t comment = 0;
    std::memcpy(&signature, &file[at], 4);
    std::memcpy(&comment, &file[at + 20], 2);
    if (signature == kEndRecord && at + kEndRecordBytes + comment == file.size()) return at;
  }
  return {};
}

struct DirectoryEntry {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0, stored_bytes = 0, bytes = 0, local_header = 0;
};

DirectoryEntry read_directory_entry(ByteReader& in) {
  constexpr const char* kWhat = "the directory of the ZIP archive";
  if (in.number<std::uint32_t>(kWhat) != kDirectoryHeader)
    in.fail("the directory of the ZIP archive is damaged");
  DirectoryEntry entry;
  in.take(4, kWhat);  // versions
  entry.flags = in.number<std::uint16_t>(kWhat);
  entry.method = in.number<std::uint16_t>(kWhat);
  in.take(4, kWhat);  // time and date
  entry.crc = in.number<std::uint32_t>(kWhat);
  entry.stored_bytes = in.number<std::uint32_t>(kWhat);
  entry.bytes = in.number<std::uint32_t>(kWhat);
  const auto name_bytes = in.number<std::uint16_t>(kWhat);
  const auto extra_bytes = in.number<std::uint16_t>(kWhat);
  const auto comment_bytes = in.number<std::uint16_t>(kWhat);
  in.take(8, kWhat);  // disk and attributes
  entry.local_header = in.number<std::uint32_t>(kWhat);
  entry.name = in.text(name_bytes, kWhat);
  in.take(std::uint64_t{extra_bytes} + comment_bytes, kWhat);
  return entry;
}

// The bytes of an entry: behind its local header, whose own sizes may be zero (they follow the data
// then).
std::span<const std::byte> content(const DirectoryEntry& entry, std::span<const std::byte> file,
                                   const std::string& where) {
  const ByteReader fail(file, where + ": ZIP entry " + shown(entry.name));
  constexpr std::uint32_t kZip64 = 0xffffffff;
  if (entry.flags & 1) fail.fail("is encrypted");
  if (entry.method != 0) fail.fail("is compressed, only stored entries can be read");
  if (entry.bytes == kZip64 || entry.stored_bytes == kZip64 || entry.local_header == kZip64) {
    fail.fail("is of 4 GB or more (ZIP64), which is not supported");
  }
  if (entry.bytes != entry.stored_bytes) fail.fail("has two different sizes");
  if (entry.local_header > file.size()) fail.fail("lies outside the file");
  ByteReader in(file.subspan(entry.local_header), fail.where());
  constexpr const char* kWhat = "its header";
  if (in.number<std::uint32_t>(kWhat) != kLocalHeader)
    in.fail("has no header where the directory says");
  in.take(22, kWhat);  // what the directory says as well
  const auto name_bytes = in.number<std::uint16_t>(kWhat);
  const auto extra_bytes = in.number<std::uint16_t>(kWhat);
  in.take(std::uint64_t{name_bytes} + extra_bytes, kWhat);
  const auto bytes = in.take(entry.bytes, "its data");
  if (crc32(bytes) != entry.crc) in.fail("has a wrong checksum: the file is damaged");
  return bytes;
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = c >> 1 ^ (c & 1 ? 0xedb88320U : 0U);
      t[i] = c;
    }
    return t;
  }();
  std::uint32_t crc = 0xffffffff;
  for (const std::byte b : bytes)
    crc = table[(crc ^ std::to_integer<std::uint32_t>(b)) & 255] ^ crc >> 8;
  return ~crc;
}

std::map<std::string, std::span<const std::byte>> read_zip(std::span<const std::byte> file,
                                                           const std::string& where) {
  ByteReader in(file, where);
  const auto end_record = find_end_record(file);
  if (!end_record) in.fail("is a ZIP archive without a directory at its end; it may be cut short");
  ByteReader end(file.subspan(*end_record), where);
  end.take(8, "the end record");  // signature and disks
  const auto entries_here = end.number<std::uint16_t>("the end record");
  const auto entries = end.number<std::uint16_t>("the end record");
  const auto directory_bytes = end.number<std::uint32_t>("the end record");
  const auto directory = end.number<std::uint32_t>("the end record");
  if (entries_here != entries) in.fail("is one part of a ZIP archive in several");
  if (entries > kMaxEntries || directory == 0xffffffff)
    in.fail("is a ZIP64 archive of 4 GB or more, which is not supported");
  if (directory > *end_record || directory_bytes > *end_record - directory) {
    in.fail("has the directory of its ZIP archive outside the file");
  }
  ByteReader list(file.subspan(directory, directory_bytes), where);
  std::map<std::string, std::span<const std::byte>> found;
  for (int i = 0; i < entries; ++i) {
    const DirectoryEntry entry = read_directory_entry(list);
    if (!found.emplace(entry.name, content(entry, file, where)).second) {
      in.fail("has two ZIP entries called ", shown(entry.name));
    }
  }
  return found;
}

}  // namespace rf
