// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace rf {

class Sha256 {
 public:
  // Any number of pieces; how the bytes are cut does not matter.
  void update(std::span<const std::byte> bytes);

  // The digest of everything so far as 64 lower-case hexadecimal digits. Ends the calculation.
  [[nodiscard]] std::string hex();

 private:
  void compress(const std::byte* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> block_{};
  std::uint64_t bytes_ = 0;  // so far; the last bytes_ % 64 of them wait in block_
};

[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace rf
