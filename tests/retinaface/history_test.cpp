#include "retinaface/training/history.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "tests/support.hpp"

using Catch::Contains;
using rf::Index;
using rf::MetricsRow;
using rf::ValidationRow;

namespace {

const std::string kHeader =
    "step,epoch,images,learning_rate,loss,cls,box,landmark,teacher,dense,grad_norm,seconds_per_"
    "image,"
    "wait_share\n";

// Halves and quarters: exact in the file.
MetricsRow row_of(Index step) {
  const auto s = static_cast<double>(step);
  return {.step = step,
          .epoch = s / 4,
          .images = 8 * step,
          .learning_rate = 0.25,
          .loss = 2 + s / 2,
          .cls = 1,
          .box = 0.5,
          .landmark = 0.75,
          .teacher = 0,
          .dense = 0.125,
          .grad_norm = 3.5,
          .seconds_per_image = 0.125,
          .wait_share = 0.0625};
}

std::string text_of(const std::string& path) {
  const std::vector<std::byte> bytes = rf::read_file(path, 1 << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put_text(const std::string& path, const std::string& text) {
  rf::write_file(path, text, rf::IfExists::replace);
}

}  // namespace

TEST_CASE("history: a file is its header and a line for every row", "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string metrics = folder.file("metrics.csv"), checks = folder.file("validation.csv");
  rf::append_metrics(metrics, row_of(2));
  rf::append_metrics(metrics, row_of(4));
  CHECK(text_of(metrics) == kHeader +
                                "2,0.5,16,0.25,3,1,0.5,0.75,0,0.125,3.5,0.125,0.0625\n"
                                "4,1,32,0.25,4,1,0.5,0.75,0,0.125,3.5,0.125,0.0625\n");
  rf::append_validation(checks, {.step = 4, .epoch = 1, .ap = 0.5, .recall = 0.75, .faces = 12});
  CHECK(text_of(checks) == "step,epoch,ap,recall,faces\n4,1,0.5,0.75,12\n");
  CHECK(rf::read_metrics(metrics) == std::vector{row_of(2), row_of(4)});
  CHECK(rf::read_validation(checks) == std::vector<ValidationRow>{{4, 1, 0.5, 0.75, 12}});
}

TEST_CASE("history: every float comes back, also those that are no number", "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string path = folder.file("metrics.csv");
  MetricsRow row = row_of(1);
  const float third = 1.0F / 3, next = std::nextafter(third, 1.0F);
  row.loss = static_cast<double>(third);
  row.cls = static_cast<double>(next);
  row.box = static_cast<double>(std::numeric_limits<float>::denorm_min());
  row.landmark = -static_cast<double>(std::numeric_limits<float>::max());
  row.teacher = std::numeric_limits<double>::quiet_NaN();
  row.grad_norm = std::numeric_limits<double>::infinity();
  rf::append_metrics(path, row);
  const std::vector<MetricsRow> back = rf::read_metrics(path);
  REQUIRE(back.size() == 1);
  CHECK(static_cast<float>(back[0].loss) == third);
  CHECK(static_cast<float>(back[0].cls) == next);
  CHECK(static_cast<float>(back[0].box) == std::numeric_limits<float>::denorm_min());
  CHECK(static_cast<float>(back[0].landmark) == -std::numeric_limits<float>::max());
  CHECK(std::isnan(back[0].teacher));
  CHECK(back[0].grad_norm == std::numeric_limits<double>::infinity());
}

TEST_CASE("history: no file is no rows, and an empty one gets its header", "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string path = folder.file("metrics.csv");
  CHECK(rf::read_metrics(path).empty());
  CHECK(rf::truncate_metrics(path, 10).empty());
  CHECK_FALSE(std::filesystem::exists(path));
  put_text(path, "");
  CHECK(rf::read_metrics(path).empty());
  rf::append_metrics(path, row_of(1));
  CHECK(text_of(path).starts_with(kHeader));
}

TEST_CASE("history: killed anywhere in a row and resumed, a run leaves the same file",
          "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string straight = folder.file("straight.csv"), path = folder.file("metrics.csv");
  for (const Index step : {10, 20, 30, 40}) rf::append_metrics(straight, row_of(step));
  const std::string whole = text_of(straight);
  // The checkpoint is of step 20; the run was killed after any byte that came later. The sizes of
  // the first two rows are where the third begins.
  const std::size_t saved = whole.find("\n30,") + 1;
  for (std::size_t size = saved; size <= whole.size(); ++size) {
    CAPTURE(size);
    put_text(path, whole.substr(0, size));
    REQUIRE(rf::truncate_metrics(path, 20) == std::vector{row_of(10), row_of(20)});
    REQUIRE(text_of(path) == whole.substr(0, saved));
    for (const Index step : {30, 40}) rf::append_metrics(path, row_of(step));
    REQUIRE(text_of(path) == whole);
  }
  // Killed before its first row was whole: the run begins again.
  for (std::size_t size = 0; size < whole.find("\n10,") + 5; ++size) {
    CAPTURE(size);
    put_text(path, whole.substr(0, size));
    REQUIRE(rf::truncate_metrics(path, 0).empty());
    for (const Index step : {10, 20, 30, 40}) rf::append_metrics(path, row_of(step));
    REQUIRE(text_of(path) == whole);
  }
}

TEST_CASE("history: rows of validation after the checkpoint go, those up to it stay", "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string path = folder.file("validation.csv");
  put_text(path, "step,epoch,ap,recall,faces\n5,1,0.5,0.6,12\n6,2,0.6,0.7,12\n7,3,0.7,");
  CHECK(rf::read_validation(path).size() == 2);
  CHECK(rf::truncate_validation(path, 5).size() == 1);
  CHECK(text_of(path) == "step,epoch,ap,recall,faces\n5,1,0.5,0.6,12\n");
}

TEST_CASE("history: a file that is another's is refused, with the line", "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string path = folder.file("validation.csv");
  const std::string header = "step,epoch,ap,recall,faces\n";
  const auto [text, problem] = GENERATE_COPY(table<std::string, std::string>({
      {"a,b\n", ":1: \"a,b\" where the columns are due"},
      {"\n", ":1: \"\" where the columns"},
      {header + "1,2,3,4\n", ":2: \"1,2,3,4\" where 5 numbers are due, recall among them"},
      {header + "1,2,3,4,5,6\n", ":2: \"1,2,3,4,5,6\" where 5 numbers"},
      {header + "1,0,0,0,9\n1.5,0,0,0,9\n", ":3: \"1.5,0,0,0,9\" where 5 numbers are due, step"},
      {header + "\n", ":2: \"\" where 5 numbers"},
      {header + "1,x,0,0,9\n", "epoch"},
      {header + "1,0,0,0,99999999999999999999\n", "faces"},
      {header + "2,0,0,0,9\n2,0,0,0,9\n", ":3: step 2 after step 2"},
      {header + "-1,0,0,0,9\n", ":2: step -1"},
      {header + std::string("1,0,0,0,\0\n", 10), ":2: \"1,0,0,0,?\" where 5"},
  }));
  CAPTURE(text);
  put_text(path, text);
  CHECK_THROWS_WITH(rf::read_validation(path), Contains(path) && Contains(problem));
  CHECK_THROWS_AS(rf::truncate_validation(path, 100), rf::FormatError);
  CHECK(text_of(path) == text);
}

TEST_CASE("history: what cannot be written is an error that names the file", "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string path = folder.file("missing/metrics.csv");
  CHECK_THROWS_WITH(rf::append_metrics(path, row_of(1)), Contains(path + ": cannot add a row"));
  CHECK_THROWS_AS(rf::append_metrics(folder.path().string(), row_of(1)), rf::FileError);
  CHECK_THROWS_AS(rf::read_metrics(folder.path().string()), rf::FileError);
}

TEST_CASE("history: on a full disk the rows that are there stay whole", "[history]") {
  const rf::test::TemporaryFolder folder;
  const std::string path = folder.file("metrics.csv");
  rf::append_metrics(path, row_of(1));
  const std::string before = text_of(path);
  {
    const rf::test::FullDisk full(before.size() + 7);  // in the middle of the next row
    CHECK_THROWS_AS(rf::append_metrics(path, row_of(2)), rf::FileError);
  }
  CHECK(text_of(path) == before);
}
