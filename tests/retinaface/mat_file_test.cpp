#include "retinaface/evaluation/mat_file.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "tests/mat_writer.hpp"
#include "tests/support.hpp"

namespace {

namespace mat = rf::test::mat;
using rf::MatArray;

rf::MatVariables parse(const std::string& bytes, const rf::MatLimits& limits = {}) {
  return rf::parse_mat(std::as_bytes(std::span(bytes)), "x.mat", limits);
}

// One of everything that is read.
std::string sample_file() {
  return mat::file({
      mat::numbers("boxes", 2, 2, {1, 2, 3, -4.5}),
      mat::text("event", "0--Parade"),
      mat::compressed(mat::zlib_stored(
          mat::cells("nested", {mat::cells("", {mat::text("", "a"), mat::numbers("", 0, 0, {})}),
                                mat::numbers("", 1, 1, {7})}))),
  });
}

}  // namespace

TEST_CASE("mat: numbers, text and nested cells are read, compressed or not", "[mat]") {
  const rf::MatVariables variables = parse(sample_file());
  REQUIRE(variables.size() == 3);
  const MatArray& boxes = variables.at("boxes");
  CHECK(boxes.kind == MatArray::Kind::numeric);
  CHECK(boxes.dims == std::vector<rf::Index>{2, 2});
  CHECK(boxes.numbers == std::vector<double>{1, 2, 3, -4.5});
  CHECK(variables.at("event").kind == MatArray::Kind::text);
  CHECK(variables.at("event").text == "0--Parade");
  const MatArray& nested = variables.at("nested");
  REQUIRE(nested.kind == MatArray::Kind::cell);
  REQUIRE(nested.cells.size() == 2);
  REQUIRE(nested.cells[0].cells.size() == 2);
  CHECK(nested.cells[0].cells[0].text == "a");
  CHECK(nested.cells[0].cells[1].numbers.empty());
  CHECK(nested.cells[1].numbers == std::vector<double>{7});
}

TEST_CASE("mat: every number type widens to double, whatever the class of the array", "[mat]") {
  const auto value = [](const std::string& content) {
    return parse(mat::file({mat::array(6, {1, 1}, "v", content)})).at("v").numbers.at(0);
  };
  CHECK(value(mat::element(1, mat::raw(std::int8_t{-3}))) == -3);
  CHECK(value(mat::element(2, mat::raw(std::uint8_t{200}))) == 200);
  CHECK(value(mat::element(3, mat::raw(std::int16_t{-30000}))) == -30000);
  CHECK(value(mat::element(4, mat::raw(std::uint16_t{60000}))) == 60000);
  CHECK(value(mat::element(5, mat::raw(std::int32_t{-2'000'000'000}))) == -2e9);
  CHECK(value(mat::element(6, mat::raw(std::uint32_t{4'000'000'000}))) == 4e9);
  CHECK(value(mat::element(7, mat::raw(0.25F))) == 0.25);
  CHECK(value(mat::element(9, mat::raw(0.1))) == 0.1);
  CHECK(value(mat::element(12, mat::raw(std::int64_t{-1} << 40))) == -1099511627776.0);
  CHECK(value(mat::element(13, mat::raw(std::uint64_t{1} << 40))) == 1099511627776.0);
  CHECK(value(mat::small_element(2, mat::raw(std::uint8_t{9}))) == 9);
}

TEST_CASE("mat: text in UTF-8 and UTF-16 is the same text", "[mat]") {
  const auto text = [](const std::string& content) {
    return parse(mat::file({mat::array(4, {1, 2}, "t", content)})).at("t").text;
  };
  CHECK(text(mat::element(16, "\xC3\xA4z")) == "\xC3\xA4z");  // "äz"
  CHECK(text(mat::element(17, mat::raw(std::uint16_t{0xE4}) + mat::raw(std::uint16_t{'z'}))) ==
        "\xC3\xA4z");
  CHECK(text(mat::element(17, mat::raw(std::uint16_t{0x20AC}) + mat::raw(std::uint16_t{'z'}))) ==
        "\xE2\x82\xACz");
}

TEST_CASE("mat: structures are named, their content is not read", "[mat]") {
  const rf::MatVariables variables =
      parse(mat::file({mat::array(2, {1, 1}, "s", "whatever"), mat::numbers("n", 1, 1, {1})}));
  CHECK(variables.at("s").kind == MatArray::Kind::other);
  CHECK(variables.at("n").numbers.size() == 1);
}

TEST_CASE("mat: what is no MAT-file of level 5 is refused by name", "[mat][error]") {
  CHECK_THROWS_WITH(parse(""), "x.mat: not a MAT-file: 0 bytes, its header alone has 128");
  CHECK_THROWS_WITH(parse(std::string(200, 'x')),
                    "x.mat: not a MAT-file of level 5 (MATLAB: save -v7)");
  std::string big_endian = sample_file();
  big_endian[126] = 'M';
  big_endian[127] = 'I';
  CHECK_THROWS_WITH(parse(big_endian), Catch::Contains("big-endian"));
  std::string hdf5 = sample_file();
  hdf5[125] = 2;
  CHECK_THROWS_WITH(parse(hdf5), Catch::Contains("version 2.0"));
  rf::test::TemporaryFolder folder;
  CHECK_THROWS_AS(rf::read_mat(folder.file("none.mat")), rf::FileError);
}

TEST_CASE("mat: every truncation throws or gives fewer variables", "[mat][error]") {
  const std::string whole = sample_file();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    std::size_t found = 0;
    std::string problem = "x.mat: ";
    try {
      found = parse(whole.substr(0, size)).size();
    } catch (const rf::FormatError& error) {
      problem = error.what();
    }
    CHECK(found < 3);
    CHECK(problem.starts_with("x.mat: "));
  }
}

TEST_CASE("mat: flipped bits never do more than throw", "[mat][error]") {
  const std::string whole = sample_file();
  int refused = 0;
  for (std::size_t bit = 8 * 124; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    try {
      (void)parse(damaged);
    } catch (const rf::FormatError&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);  // tags, flags, sizes, and all of the compressed variable
}

TEST_CASE("mat: sizes that lie are refused before memory is asked for", "[mat][error]") {
  const std::string one = mat::element(9, mat::raw(1.0));
  CHECK_THROWS_WITH(parse(mat::file({mat::array(6, {1'000'000, 1000}, "n", one)})),
                    "x.mat: corrupt: an array of 1000000000 elements has 8 bytes of data");
  CHECK_THROWS_WITH(
      parse(mat::file({mat::array(6, {2'000'000'000, 2'000'000'000, 2'000'000'000}, "n", one)})),
      Catch::Contains("an array of more than"));
  CHECK_THROWS_WITH(parse(mat::file({mat::array(6, {-1, 5}, "n", one)})),
                    Catch::Contains("a dimension of -1"));
  CHECK_THROWS_WITH(parse(mat::file({mat::array(1, {1'000'000'000, 1}, "c", one)})),
                    Catch::Contains("truncated: a cell array of 1000000000 in 16 bytes"));
  CHECK_THROWS_WITH(parse(mat::file({mat::array(4, {1, 3}, "t", mat::element(17, "ab"))})),
                    Catch::Contains("an array of 3 elements has 2 bytes"));
  CHECK_THROWS_WITH(
      parse(mat::file({mat::raw(std::uint32_t{14}) + mat::raw(std::uint32_t{0xFFFFFFF0})})),
      Catch::Contains("truncated: a data element of 4294967280 bytes, 0 are left"));
  CHECK_THROWS_WITH(parse(mat::file({mat::array(6, {1, 1}, "n", mat::element(77, mat::raw(1.0)))})),
                    Catch::Contains("data type 77"));
  CHECK_THROWS_WITH(parse(mat::file({mat::numbers("n", 1, 1, {1}), mat::numbers("n", 1, 1, {2})})),
                    Catch::Contains("twice"));
}

TEST_CASE("mat: limits hold for nesting, arrays, values and inflated bytes", "[mat][error]") {
  std::string deep = mat::numbers("", 1, 1, {1});
  for (int i = 0; i < 9; ++i) deep = mat::cells("", {deep});
  CHECK_THROWS_WITH(parse(mat::file({deep})), Catch::Contains("nested deeper than 8"));
  CHECK_THROWS_WITH(parse(sample_file(), {.arrays = 3}), Catch::Contains("more than 3 arrays"));
  CHECK_THROWS_WITH(parse(sample_file(), {.values = 5}), Catch::Contains("more than 5"));
  // Two compressed variables share one budget.
  const std::string a = mat::compressed(mat::zlib_stored(mat::numbers("a", 1, 1, {1})));
  const std::string b = mat::compressed(mat::zlib_stored(mat::numbers("b", 1, 1, {1})));
  const rf::Index size = static_cast<rf::Index>(mat::numbers("a", 1, 1, {1}).size());
  CHECK(parse(mat::file({a, b}), {.inflated_bytes = 2 * size}).size() == 2);
  CHECK_THROWS_WITH(parse(mat::file({a, b}), {.inflated_bytes = 2 * size - 1}),
                    Catch::Contains("holds more than"));
  rf::test::TemporaryFolder folder;
  rf::write_file(folder.file("a.mat"), sample_file(), rf::IfExists::refuse);
  CHECK_THROWS_WITH(rf::read_mat(folder.file("a.mat"), {.file_bytes = 100}),
                    Catch::Contains("at most 100"));
}
