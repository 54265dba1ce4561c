#include "retinaface/data/check.hpp"

#include <filesystem>
#include <fstream>

#include "tests/image_files.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

void put_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}
void put_file(const std::string& path, const Bytes& content) {
  put_file(path, {reinterpret_cast<const char*>(content.data()), content.size()});
}

std::string grey_picture(int width, int height) {
  return message("P5 ", width, " ", height, " 255\n") +
         std::string(static_cast<std::size_t>(width * height), 'g');
}

// A data set of one's own, in which every picture has 100 x 80 pixels.
class DataSet {
 public:
  DataSet() { std::filesystem::create_directory(folder_.path() / "images"); }
  void picture(const std::string& name) { put_file(path(name), grey_picture(100, 80)); }
  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_.file("images/" + name);
  }
  [[nodiscard]] DataCheck check(const std::string& labels, const std::string& ignored = "") const {
    put_file(folder_.file("label.txt"), labels);
    if (!ignored.empty()) put_file(folder_.file("ignore.txt"), ignored);
    return check_data(find_data(folder_.path().string()));
  }
  // The problems as "label.txt:3: text".
  [[nodiscard]] std::vector<std::string> lines(const DataCheck& check) const {
    std::vector<std::string> lines;
    for (const auto& [file, line, text] : check.problems) {
      const std::string name = std::filesystem::path(file).filename().string();
      REQUIRE(file == folder_.file(name));
      lines.push_back(message(name, ":", line, ": ", text));
    }
    return lines;
  }

 private:
  TemporaryFolder folder_;
};

// The problem that one face's line has in a picture of 100 x 80; "" if none, all if several.
std::string problem_of(const std::string& line) {
  DataSet data;
  data.picture("a.pgm");
  std::string problems;
  for (const auto& problem : data.check("# a.pgm\n" + line + "\n").problems) {
    CHECK(problem.line == 2);
    problems += problem.text;
  }
  return problems;
}

}  // namespace

TEST_CASE("data check: a data set without mistakes has none, and is counted", "[data_check]") {
  DataSet data;
  for (const char* name : {"a.pgm", "b.pgm", "c.pgm"}) data.picture(name);
  const DataCheck check = data.check(
      "# a.pgm\n10 10 4 4\n10 10 16 9 12 12 0 18 12 0 15 14 0 12 16 0 18 16 0\n"
      "# b.pgm\n# c.pgm\n0 0 64 64\n1 1 8 8\n",
      "# b.pgm\n3 3 3 3\n5 5 5 5\n");
  CHECK(check.problems.empty());
  CHECK(check.pictures == 3);
  CHECK(check.unreadable_pictures == 0);
  CHECK(check.pictures_without_faces == 1);
  CHECK(check.faces == 4);
  CHECK(check.faces_with_landmarks == 1);
  CHECK(check.ignored_regions == 2);
  CHECK(check.sizes.smallest == 4);  // 4, 8, 12, 64
  CHECK(check.sizes.median == 10);
  CHECK(check.sizes.largest == 64);
  CHECK(check.sizes.faces == std::array<Index, 8>{1, 2, 0, 0, 1, 0, 0, 0});
  CHECK(
      to_text(check).starts_with("3 pictures (0 unreadable, 1 without faces), 4 faces (1 with "
                                 "landmarks), 2 ignored regions, 0 problems\n"));
}

TEST_CASE("data check: boxes leave their picture by a tolerance, no more", "[data_check]") {
  CHECK(problem_of("-2 10 20 20").empty());  // a tenth of the side
  CHECK(problem_of("-3 10 20 20") == "the box reaches 3 pixels out of its picture of 100 x 80");
  CHECK(problem_of("-2 10 5 5").empty());  // 2 pixels
  CHECK(problem_of("10 -2 5 5").empty());
  CHECK(problem_of("10 -2.25 5 5") == "the box reaches 2.25 pixels out of its picture of 100 x 80");
  CHECK(problem_of("64 10 40 40").empty());
  CHECK(problem_of("64 10 40.5 40.5") ==
        "the box reaches 4.5 pixels out of its picture of 100 x 80");
  CHECK(problem_of("10 44 40 40").empty());
  CHECK(problem_of("10 45 40 40") == "the box reaches 5 pixels out of its picture of 100 x 80");
  for (const char* outside : {"100 10 9 9", "10 80 9 9", "-9 10 9 9", "10 -9 9 9", "300 10 9 9"}) {
    CAPTURE(outside);
    CHECK(problem_of(outside) == "the box lies outside its picture of 100 x 80");
  }
}

TEST_CASE("data check: boxes have the shape of faces", "[data_check]") {
  CHECK(problem_of("0 0 99 79") == "the box is as large as its picture of 100 x 80");
  CHECK(problem_of("0 0 98 79").empty());
  CHECK(problem_of("9 9 3 0.75") == "a box of 3 x 0.75 pixels, thinner than one");
  CHECK(problem_of("9 9 1 1").empty());
  CHECK(problem_of("9 9 4 20").empty());
  CHECK(problem_of("9 9 4 20.5") == "a box of 4 x 20.5 pixels is no face's");
  CHECK(problem_of("9 9 4 0") == "a box of 4 x 0; left out");
}

TEST_CASE("data check: landmarks that no face has", "[data_check]") {
  const auto points = [](const std::vector<std::pair<double, double>>& p) {
    std::string line = "20 20 40 40";
    for (const auto& [x, y] : p) line += message(" ", x, " ", y, " 0");
    return problem_of(line);
  };
  const char* swapped = "left and right are swapped among the landmarks";
  CHECK(points({{30, 30}, {50, 30}, {40, 40}, {30, 50}, {50, 50}}).empty());
  CHECK(points({{50, 30}, {30, 30}, {40, 40}, {50, 50}, {30, 50}}) == swapped);
  CHECK(points({{50, 30}, {30, 30}, {40, 40}, {30, 50}, {50, 50}}) == swapped);  // the eyes alone
  CHECK(points({{30, 30}, {50, 30}, {40, 40}, {50, 50}, {30, 50}}) == swapped);  // the mouth alone
  // The same face on its side and upside down, right and swapped.
  CHECK(points({{50, 30}, {50, 50}, {40, 40}, {30, 30}, {30, 50}}).empty());
  CHECK(points({{50, 50}, {50, 30}, {40, 40}, {30, 50}, {30, 30}}) == swapped);
  CHECK(points({{50, 50}, {30, 50}, {40, 40}, {50, 30}, {30, 30}}).empty());
  CHECK(points({{30, 50}, {50, 50}, {40, 40}, {30, 30}, {50, 30}}) == swapped);
  // A profile's points change places by little: from the eyes to the mouth it is 20, a quarter
  // is 5.
  CHECK(points({{45, 30}, {40, 30}, {30, 40}, {45, 50}, {40, 50}}).empty());
  CHECK(points({{45.5, 30}, {40, 30}, {30, 40}, {45, 50}, {40, 50}}) == swapped);
  CHECK(points({{30, 30}, {30, 30}, {30, 30}, {30, 30}, {30, 30}}) ==
        "all five landmarks are one point");
  CHECK(points({{30, 30}, {50, 30}, {40, 40}, {30, 82}, {50, 50}}) ==
        "landmark 4 at (30, 82) is far from its box (0.55 times its side away); the landmarks are "
        "left out");
}

TEST_CASE("data check: pictures that are missing, cut off, corrupt, turned or the same",
          "[data_check]") {
  DataSet data;
  data.picture("good.pgm");
  put_file(data.path("empty.jpg"), "");
  put_file(data.path("text.jpg"), "no picture");
  const Bytes jpeg = make_jpeg({16, 8, {{40, 90}}, false, -1, {}}),
              turned = make_jpeg({16, 8, {{40, 90}}, false, -1, exif_segment(6, true)});
  put_file(data.path("good.jpg"), jpeg);
  put_file(data.path("turned.jpg"), turned);
  put_file(data.path("cut.pgm"), grey_picture(100, 80).substr(0, 5000));
  // The header is whole; that the rows are not shows when they are inflated.
  HandPng png{.width = 4,
              .height = 4,
              .colour_type = 0,
              .samples = Bytes(10),
              .palette = {},
              .transparency = {}};
  put_file(data.path("short.png"), make_png(png));
  std::filesystem::create_directory(data.path("folder.jpg"));

  const DataCheck check = data.check(
      "# good.pgm\n1 1 9 9\n# missing.jpg\n1 1 9 9\n# empty.jpg\n# text.jpg\n# cut.pgm\n# "
      "short.png\n"
      "90 1 9 9\n# folder.jpg\n# good.jpg\n# turned.jpg\n# ./good.jpg\n");
  const std::vector<std::string> lines = data.lines(check);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"label.txt:3: ", "missing.jpg"},
      {"label.txt:5: ", "empty.jpg"},
      {"label.txt:6: ", "text.jpg"},
      {"label.txt:7: ", "cut.pgm"},
      {"label.txt:8: ", "short.png"},
      {"label.txt:9: ", "outside its picture of 4 x 4"},  // the header says so
      {"label.txt:10: ", "folder.jpg"},
      {"label.txt:12: ", "turned.jpg is shown turned (EXIF orientation 6)"},
      {"label.txt:13: ", "./good.jpg is the picture of line 11"}};
  CAPTURE(lines);
  REQUIRE(lines.size() == expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i].starts_with(expected[i].first));
    CHECK_THAT(lines[i], Catch::Contains(expected[i].second));
  }
  CHECK(check.pictures == 10);
  CHECK(check.unreadable_pictures == 6);
}

TEST_CASE("data check: problems come by file and line, the reader's among them", "[data_check]") {
  DataSet data;
  data.picture("a.pgm");
  data.picture("b.pgm");
  const DataCheck check = data.check(
      "# b.pgm\n10 10 8 8\n10 10 8\n10 10 8 8\n# a.pgm\n200 10 8 8\nx\n# b.pgm\n10 10 8 8\n",
      "# c.pgm\n# a.pgm\n200 1 5 5\n-3 1 5 5\n# b.pgm\n1 1 0 9\n");
  CHECK(data.lines(check) ==
        std::vector<std::string>{
            "label.txt:3: 3 numbers, a face has 4, 19 or 20; left out",
            "label.txt:4: the box of line 2 again",
            "label.txt:6: the box lies outside its picture of 100 x 80",
            "label.txt:7: not a line of up to 20 numbers; left out",
            "label.txt:8: b.pgm is named a second time; its faces are added",
            "label.txt:9: the box of line 2 again",
            "ignore.txt:1: c.pgm is not in the label file; its regions are left out",
            "ignore.txt:3: the region lies outside its picture of 100 x 80",
            "ignore.txt:6: a box of 0 x 9; left out"});
  const std::string text = to_text(check);
  CHECK_THAT(text, Catch::Contains("/label.txt:4: the box of line 2 again\n"));
  CHECK_THAT(text, Catch::Contains(" 9 problems\n"));
}

TEST_CASE("data check: the same for any number of threads; progress counts every picture once",
          "[data_check]") {
  DataSet data;
  std::string labels;
  for (int i = 0; i < 150; ++i) {
    const std::string name = message(i, ".pgm");
    if (i % 3 != 0) data.picture(name);
    labels += "# " + name + "\n90 70 20 20\n";
  }
  const std::string one = [&] {
    const WithThreads threads(1);
    return to_text(data.check(labels));
  }();
  CHECK_THAT(one, Catch::Contains("150 pictures (50 unreadable"));
  std::vector<Index> steps;
  DataSource source = find_data(std::filesystem::path(data.path("")).parent_path().parent_path());
  const WithThreads threads(4);
  CHECK(to_text(check_data(source, [&](Index done, Index total) {
          CHECK(total == 150);
          steps.push_back(done);
        })) == one);
  CHECK(steps == std::vector<Index>{64, 128, 150});
}

TEST_CASE("data check: the shared data sets hold what their README says, and few mistakes",
          "[data_check]") {
  const auto folder = shared_file("data/mtfl_mosaic");
  if (!folder || kSanitized) return;
  const DataCheck check = check_data(find_data(folder->string()));
  CHECK(check.pictures == 99);
  CHECK(check.faces == 9900);
  CHECK(check.unreadable_pictures == 0);
}

}  // namespace rf::test
