#include "retinaface/training/step_table.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "engine/file.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

const std::string kHeader = "step,loss\n";

std::string text_in(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, 1 << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("step table: numbers tell any two floats apart, with a point", "[step_table]") {
  CHECK(csv_number(0.5) == "0.5");
  CHECK(csv_number(0) == "0");
  CHECK(csv_number(-3) == "-3");
  CHECK(csv_number(1.0 / 3) == "0.333333333");
  CHECK(csv_number(1234567890123.0) == "1.23456789e+12");
  CHECK(csv_number(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(csv_number(std::numeric_limits<double>::quiet_NaN()) == "nan");
  for (float x = 1.0F; x < 1.00001F; x = std::nextafter(x, 2.0F))
    CHECK(std::stof(csv_number(static_cast<double>(x))) == x);
}

TEST_CASE("step table: rows come one after another under one header", "[step_table]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("t.csv");
  append_line(path, kHeader, "1,0.5\n");
  append_line(path, kHeader, "2,0.25\n");
  CHECK(text_in(path) == "step,loss\n1,0.5\n2,0.25\n");
  put_text(path, "");
  append_line(path, kHeader, "3,0.125\n");
  CHECK(text_in(path) == "step,loss\n3,0.125\n");
}

TEST_CASE("step table: a full disk, a folder that is gone", "[step_table][error]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("t.csv");
  append_line(path, kHeader, "1,0.5\n");
  {
    const FullDisk full(20);  // 16 bytes are there
    const std::string what = thrown<FileError>([&] {
      append_line(path, kHeader, "2,0.25\n");
      return 0;
    });
    CHECK(what.starts_with(path + ": "));
  }
  CHECK(text_in(path) == "step,loss\n1,0.5\n");
  const std::string nowhere = folder.file("none/t.csv");
  CHECK(thrown<FileError>([&] {
          append_line(nowhere, kHeader, "2,0.25\n");
          return 0;
        }).starts_with(nowhere + ": "));
}

TEST_CASE("step table: later rows and a broken one are taken out", "[step_table]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("t.csv");
  const auto kept = [&](const std::string& text, Index step) {
    put_text(path, text);
    truncate_lines(path, kHeader, step);
    return text_in(path);
  };
  const std::string table = "step,loss\n1,0.5\n2,0.25\n10,0.1\n";
  CHECK(kept(table, 10) == table);
  CHECK(kept(table, 9) == "step,loss\n1,0.5\n2,0.25\n");
  CHECK(kept(table, 1) == "step,loss\n1,0.5\n");
  CHECK(kept(table, 0) == kHeader);
  CHECK(kept(table, -1) == kHeader);
  CHECK(kept(table + "11,0.0", 99) == table);  // a killed run's last line
  CHECK(kept("step,lo", 99).empty());
  CHECK(kept("", 99).empty());
  std::filesystem::remove(path);
  truncate_lines(path, kHeader, 5);
  CHECK_FALSE(std::filesystem::exists(path));
  // And the next row is in its place.
  put_text(path, "step,lo");
  truncate_lines(path, kHeader, 5);
  append_line(path, kHeader, "6,1\n");
  CHECK(text_in(path) == "step,loss\n6,1\n");
}

TEST_CASE("step table: another table is left alone", "[step_table][error]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("t.csv");
  const auto refusal = [&](const std::string& text) {
    put_text(path, text);
    const std::string what = thrown<FormatError>([&] {
      truncate_lines(path, kHeader, 5);
      return 0;
    });
    CHECK(what.starts_with(path));
    CHECK(text_in(path) == text);
    return what;
  };
  CHECK(holds(refusal("step,accuracy\n1,2\n"), "where the columns are due"));
  CHECK(holds(refusal("step,loss\n1,2\nx,3\n"), "begins with a step"));
  CHECK(holds(refusal("step,loss\n1\n"), "begins with a step"));
  CHECK(holds(refusal("step,loss\n99999999999999999999,1\n"), "begins with a step"));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK_THROWS_AS(truncate_lines(path, kHeader, 5), FileError);
}

}  // namespace rf::test
