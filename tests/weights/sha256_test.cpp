#include "weights/sha256.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace {

std::string hash(const std::string& text) { return rf::sha256_hex(std::as_bytes(std::span(text))); }

}  // namespace

// The messages "abc", 448 bits and one million "a" are the examples that NIST gives with FIPS 180.
TEST_CASE("sha256: the published examples", "[sha256][golden]") {
  CHECK(hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hash(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256: how the message is cut into pieces does not matter", "[sha256][property]") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (std::size_t length : {55U, 56U, 57U, 63U, 64U, 65U, 119U, 120U, 128U, 300U}) {
    const std::span bytes = std::as_bytes(std::span(text)).first(length);
    for (std::size_t piece : {1U, 3U, 63U, 64U, 65U}) {
      rf::Sha256 sha;
      for (std::size_t at = 0; at < length; at += piece) {
        sha.update(bytes.subspan(at, std::min(piece, length - at)));
      }
      CAPTURE(length, piece);
      CHECK(sha.hex() == rf::sha256_hex(bytes));
    }
  }
}
