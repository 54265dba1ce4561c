#include "retinaface/data/labels.hpp"

#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

Labels parse(std::string_view text, std::string_view ignored = "") {
  return parse_labels({"label.txt", text}, {"ignore.txt", ignored});
}

constexpr const char* kPoints = " 11 12 0 14 12 1 12 14 0.5 11 16 0 14 16 0";

}  // namespace

TEST_CASE("labels: boxes, points that are given, points that are not", "[labels]") {
  const Labels labels =
      parse(std::string("# a/b c.jpg\n10 10 6 8") + kPoints + "\n1 2 3 4\r\n\n10 10 6 8" + kPoints +
            " 0.83\n5 5 2 2 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n#d.png");
  CHECK(labels.problems.empty());
  REQUIRE(labels.pictures.size() == 2);
  const LabelledPicture& first = labels.pictures[0];
  CHECK(first.path == "a/b c.jpg");
  CHECK(first.line == 1);
  REQUIRE(first.labels.faces.size() == 4);
  const Box& box = first.labels.faces[0].box;
  CHECK((box.x1 == 10 && box.y1 == 10 && box.x2 == 16 && box.y2 == 18));
  REQUIRE(first.labels.faces[0].landmarks.has_value());
  CHECK((*first.labels.faces[0].landmarks)[4].y == 16);
  CHECK_FALSE(first.labels.faces[1].landmarks.has_value());
  CHECK(first.labels.faces[2].landmarks.has_value());
  CHECK_FALSE(first.labels.faces[3].landmarks.has_value());
  CHECK(first.face_lines == std::vector<Index>{2, 3, 5, 6});
  CHECK(labels.pictures[1].path == "d.png");
  CHECK(labels.pictures[1].labels.faces.empty());
}

TEST_CASE("labels: regions to ignore go to their picture", "[labels]") {
  const Labels labels = parse("# a\n1 1 9 9\n# b\n", "# b\n1 2 3 4\n# c\n5 6 7 8\n# a\n0 0 2 2\n");
  REQUIRE(labels.pictures.size() == 2);
  CHECK(labels.pictures[0].labels.ignored.size() == 1);
  REQUIRE(labels.pictures[1].labels.ignored.size() == 1);
  CHECK(labels.pictures[1].labels.ignored[0].y2 == 6);
  CHECK(labels.pictures[1].ignored_lines == std::vector<Index>{2});
  CHECK(labels.pictures[0].ignored_lines == std::vector<Index>{6});
  REQUIRE(labels.problems.size() == 1);
  CHECK(labels.problems[0].file == "ignore.txt");
  CHECK(labels.problems[0].line == 3);
}

TEST_CASE("labels: every line that cannot be right is noted with its number, and left out",
          "[labels]") {
  struct Case {
    std::string line;
    const char* note;
    std::size_t faces;  // that are left
  };
  const std::vector<Case> cases{
      {"1 2 0 4", "0 x 4", 0},
      {"1 2 3 -4", "3 x -4", 0},
      {"1 2 3", "3 numbers", 0},
      {"1 2 3 4 5", "5 numbers", 0},
      {"1 2 3 x", "not a line", 0},
      {"1 2 3 nan", "not a line", 0},
      {"1 2 3 1e30", "not a line", 0},
      {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21", "not a line", 0},
      {"10 10 6 8 111 12 0 14 12 0 12 14 0 11 16 0 14 16 0",
       "landmark 1 at (111, 12) is far from its box (15.83 times its side away)", 1},
      {"# ../secret.jpg", "inside the folder", 0},
      {"# /etc/passwd", "inside the folder", 0},
      {"# a/../../b", "inside the folder", 0},
      {"#", "inside the folder", 0},
      {"# p", "second time", 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.line);
    const Labels labels = parse("# p\n" + c.line + "\n");
    CHECK(labels.pictures.size() == 1);
    CHECK(labels.pictures[0].labels.faces.size() == c.faces);
    REQUIRE(labels.problems.size() == 1);
    CHECK(labels.problems[0].line == 2);
    CHECK_THAT(labels.problems[0].text, Catch::Contains(c.note));
  }
  const Labels before = parse("1 2 3 4\n# p\n");
  REQUIRE(before.problems.size() == 1);
  CHECK_THAT(before.problems[0].text, Catch::Contains("no picture"));
  // A path with two dots in a name is one like others.
  CHECK(parse("# a..b/c..jpg\n").problems.empty());
}

TEST_CASE("labels: files that are none are refused", "[labels][error]") {
  check_refused<FormatError>([] { (void)parse(""); }, {"label.txt", "no picture"});
  check_refused<FormatError>([] { (void)parse("1 2 3 4\n"); }, {"no picture"});
  check_refused<FormatError>([] { (void)parse(std::string_view("# p\n\0", 5)); }, {"zero bytes"});
  check_refused<FileError>([] { (void)read_labels("/nowhere/label.txt", ""); },
                           {"/nowhere/label.txt"});
}

TEST_CASE("labels: the training set's counts", "[labels]") {
  const auto folder = shared_file("data/wider/train");
  if (!folder) return;
  const Labels labels =
      read_labels((*folder / "label.txt").string(), (*folder / "ignore.txt").string());
  CHECK(labels.pictures.size() == 2765);  // data/README.md of the shared data
  std::size_t faces = 0, with_points = 0;
  for (const LabelledPicture& picture : labels.pictures) {
    faces += picture.labels.faces.size();
    for (const LabelledFace& face : picture.labels.faces) with_points += face.landmarks.has_value();
  }
  CHECK(faces == 33686);
  CHECK(with_points <= 16095);
  CHECK(with_points >= 16095 - labels.problems.size());
}

}  // namespace rf::test
