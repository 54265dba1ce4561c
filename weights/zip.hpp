// The directory of a ZIP archive whose entries are stored without compression, as torch.save writes
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace rf {

// Entry name -> its bytes, which lie in `file`. Throws FormatError, one line that begins with
// `where`: no directory, a compressed or encrypted entry, ZIP64 (4 GB and more), a name twice, a
// place outside the file, a wrong checksum.
[[nodiscard]] std::map<std::string, std::span<const std::byte>> read_zip(
    std::span<const std::byte> file, const std::string& where);

// CRC-32 of ZIP and gzip: polynomial 0x04C11DB7, bits reflected.
[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes);

}  // namespace rf
