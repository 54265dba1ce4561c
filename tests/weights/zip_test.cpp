#include "weights/zip.hpp"

#include <catch2/catch.hpp>

#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"

using namespace rf;
using rf::test::holds;
using rf::test::le;

namespace {

const test::ZipEntries kEntries{{"a", "hello"}, {"folder/b", ""}, {"c", std::string(300, 'x')}};

auto read(const std::string& file) { return read_zip(test::bytes_of(file), "x.zip"); }

std::string refusal(const std::string& file) {
  const std::string text = test::thrown<FormatError>([&] { return read(file); });
  CAPTURE(text);
  CHECK(test::one_line(text));
  CHECK(text.starts_with("x.zip: "));
  return text;
}

// The file with `bytes` written over what is at `place`, counted from the end where negative.
std::string patched(std::string file, std::ptrdiff_t place, const std::string& bytes) {
  const auto at = static_cast<std::size_t>(
      place < 0 ? static_cast<std::ptrdiff_t>(file.size()) + place : place);
  return file.replace(at, bytes.size(), bytes);
}

}  // namespace

// The check value that catalogues of CRCs give for "123456789".
TEST_CASE("zip: CRC-32 of the published check string", "[zip][golden]") {
  CHECK(crc32(test::bytes_of("123456789")) == 0xcbf43926);
}

TEST_CASE("zip: stored entries are found by name", "[zip]") {
  const std::string file = test::zip(kEntries, {.comment = "PK\x05\x06 is in the comment"});
  const auto entries = read(file);
  REQUIRE(entries.size() == 3);
  for (const auto& [name, content] : kEntries) {
    const auto bytes = entries.at(name);
    CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == content);
  }
  CHECK(read(test::zip({})).empty());
}

TEST_CASE("zip: what is not stored plainly is refused", "[zip][error]") {
  CHECK(holds(refusal(test::zip(kEntries, {.method = 8})), "ZIP entry a: is compressed"));
  CHECK(holds(refusal(test::zip(kEntries, {.flags = 1})), "is encrypted"));
  CHECK(holds(refusal(test::zip({{"a", "1"}, {"a", "2"}})), "two ZIP entries called a"));
  CHECK(holds(refusal("PK\x03\x04 and no directory anywhere in here"), "without a directory"));
  CHECK(holds(refusal(""), "without a directory"));
}

TEST_CASE("zip: places and sizes outside the file are refused", "[zip][error]") {
  const std::string file = test::zip({{"a", "hello"}});
  // The end record, APPNOTE 4.3.16: counts at 8 and 10, directory size at 12, its place at 16.
  CHECK(holds(refusal(patched(file, -22 + 16, le<std::uint32_t>(0x7fffffff))), "outside the file"));
  CHECK(holds(refusal(patched(file, -22 + 12, le<std::uint32_t>(0x7fffffff))), "outside the file"));
  CHECK(holds(refusal(patched(file, -22 + 16, le<std::uint32_t>(0xffffffff))), "ZIP64"));
  CHECK(holds(refusal(patched(file, -22 + 8, le<std::uint32_t>(0xffffffff))), "ZIP64"));
  CHECK(holds(refusal(patched(file, -22 + 8, le<std::uint16_t>(0))), "in several"));
  CHECK(holds(refusal(patched(file, -22 + 8, le<std::uint32_t>(0x00020002))),
              "ends inside the directory"));
  // The directory, 4.3.12: 46 bytes and the name "a". Sizes at 20 and 24, the local header's place
  // at 42.
  const std::ptrdiff_t entry = -22 - 47;
  CHECK(holds(refusal(patched(file, entry + 20, le<std::uint64_t>(0x0000ffff0000ffff))),
              "ends inside its data"));
  CHECK(holds(refusal(patched(file, entry + 24, le<std::uint32_t>(4))), "two different sizes"));
  CHECK(holds(refusal(patched(file, entry + 20, le<std::uint64_t>(~std::uint64_t{0}))), "4 GB"));
  CHECK(
      holds(refusal(patched(file, entry + 42, le<std::uint32_t>(0x7fffffff))), "outside the file"));
  CHECK(holds(refusal(patched(file, entry + 42, le<std::uint32_t>(1))),
              "no header where the directory says"));
  CHECK(holds(refusal(patched(file, entry, "QK")), "directory of the ZIP archive is damaged"));
  CHECK(holds(refusal(patched(file, 26, le<std::uint16_t>(0xffff))), "ends inside its header"));
  CHECK(holds(refusal(patched(file, 30 + 1 + 3, "j")), "wrong checksum"));
}

TEST_CASE("zip: truncated files are refused, flipped bits do no harm", "[zip][error]") {
  const std::string file = test::zip(kEntries);
  const auto refusals =
      test::damage(file, "x.zip", 1, [](const std::string& bytes) { return read(bytes); });
  CHECK(refusals.cuts == file.size());
  CHECK(refusals.flips > 300 * 8);  // every bit of the contents at least
}
