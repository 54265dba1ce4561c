#include "engine/inflate.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "engine/check.hpp"
#include "tests/mat_writer.hpp"

namespace {

// Written by Python 3.11: zlib.compress(b"abracadabra" * 20, 9), zlib.compress(bytes(65536), 9).
const std::string kAbracadabra(
    "\x78\xda\x4b\x4c\x2a\x4a\x4c\x4e\x4c\x49\x04\x52\x89\xc3\x8d\x09\x00\x5e\xdb\x56"
    "\x91",
    21);
const std::string kZeros(
    "\x78\xda\xed\xc1\x01\x01\x00\x00\x00\x80\x90\xfe\xaf\xee\x08\x0a\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x6a"
    "\x00\x0f\x00\x01",
    84);

std::string inflate(const std::string& stream, rf::Index max_bytes) {
  const auto content = rf::inflate_zlib(std::as_bytes(std::span(stream)), max_bytes);
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

}  // namespace

TEST_CASE("inflate: streams that zlib wrote give their content back", "[inflate]") {
  std::string expected;
  for (int i = 0; i < 20; ++i) expected += "abracadabra";
  CHECK(inflate(kAbracadabra, 220) == expected);
  CHECK(inflate(kZeros, 65536) == std::string(65536, '\0'));
  CHECK(inflate(kZeros, 1 << 30) == std::string(65536, '\0'));
  CHECK(inflate(rf::test::mat::zlib_stored(""), 10).empty());
}

TEST_CASE("inflate: stored blocks of more than one block's size", "[inflate]") {
  std::string content;
  for (int i = 0; i < 150'000; ++i) content += static_cast<char>(i * 7 % 251);
  CHECK(inflate(rf::test::mat::zlib_stored(content), 150'000) == content);
}

TEST_CASE("inflate: content above the limit is refused", "[inflate][error]") {
  CHECK_THROWS_WITH(inflate(kAbracadabra, 219), "zlib stream holds more than 219 bytes");
  CHECK_THROWS_WITH(inflate(kZeros, 65535), "zlib stream holds more than 65535 bytes");
  CHECK_THROWS_WITH(inflate(kZeros, 0), "zlib stream holds more than 1 bytes");
}

TEST_CASE("inflate: every truncation and every flipped bit is noticed", "[inflate][error]") {
  for (std::size_t size = 0; size < kAbracadabra.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(inflate(kAbracadabra.substr(0, size), 1000), rf::FormatError);
  }
  const std::string expected = inflate(kAbracadabra, 1000);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * kAbracadabra.size(); ++bit) {
    CAPTURE(bit);
    std::string damaged = kAbracadabra;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    std::string content =
        expected;  // a few bits mean nothing: the level in the header, the padding at the end
    try {
      content = inflate(damaged, 1000);
    } catch (const rf::FormatError&) {
      ++refused;
    }
    CHECK(content == expected);
  }
  CHECK(refused > 8 * kAbracadabra.size() * 9 / 10);
}
