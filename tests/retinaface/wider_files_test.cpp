// Ground truth, lists and detections as files, good and bad.
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <limits>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/evaluation/wider_detections.hpp"
#include "retinaface/evaluation/wider_ground_truth.hpp"
#include "tests/mat_writer.hpp"
#include "tests/support.hpp"

namespace {

namespace mat = rf::test::mat;
using Catch::Contains;

// An official evaluation set of two events: "0--A" with images p (two faces) and q (none), "1--B"
// with r (one face).
struct MatFolder {
  rf::test::TemporaryFolder folder;
  std::string boxes_of_p =
      mat::numbers("", 2, 4, {1, 10, 2, 20, 3, 30, 4, 40});  // column by column
  std::string easy_of_p = mat::numbers("", 1, 1, {2});
  std::string name_of_r = mat::text("", "r");

  std::string write() {
    const auto names = mat::cells(
        "file_list",
        {mat::cells("", {mat::text("", "p"), mat::text("", "q")}), mat::cells("", {name_of_r})});
    const auto boxes =
        mat::cells("face_bbx_list", {mat::cells("", {boxes_of_p, mat::numbers("", 0, 0, {})}),
                                     mat::cells("", {mat::numbers("", 1, 4, {5, 6, 7, 8})})});
    put("wider_face_val.mat",
        {mat::cells("event_list", {mat::text("", "0--A"), mat::text("", "1--B")}),
         mat::compressed(mat::zlib_stored(names)), boxes});
    for (const char* name : {"easy", "medium", "hard"}) {
      const auto of_p = std::string(name) == "easy" ? easy_of_p : mat::numbers("", 2, 1, {1, 2});
      put(rf::message("wider_", name, "_val.mat"),
          {mat::cells("gt_list", {mat::cells("", {of_p, mat::numbers("", 0, 0, {})}),
                                  mat::cells("", {mat::numbers("", 1, 1, {1})})})});
    }
    return folder.path().string();
  }
  void put(const std::string& name, const std::vector<std::string>& variables) const {
    rf::write_file(folder.file(name), mat::file(variables), rf::IfExists::replace);
  }
};

std::string two_images_text() {
  return "0--A/p.jpg\n2\n1 2 3 4 0 0 0 0 0 0 \n10 20 30 40 2 0 0 1 2 0 \r\n"
         "0--A/q.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n"
         "1--B/r.jpg\n1\n5 6 7 8\n";
}

}  // namespace

TEST_CASE("wider ground truth: the official files give images, boxes and three subsets",
          "[wider]") {
  MatFolder files;
  const rf::WiderGroundTruth truth = rf::read_wider_ground_truth(files.write());
  REQUIRE(truth.images.size() == 3);
  CHECK(truth.images_in_source == 3);
  CHECK(truth.images[0].name == "0--A/p");
  CHECK(truth.images[2].name == "1--B/r");
  REQUIRE(truth.images[0].boxes.size() == 2);
  CHECK(truth.images[0].boxes[1].x == 10);
  CHECK(truth.images[0].boxes[1].y == 20);
  CHECK(truth.images[0].boxes[1].width == 30);
  CHECK(truth.images[0].boxes[1].height == 40);
  CHECK(truth.images[1].boxes.empty());
  REQUIRE(truth.subsets.size() == 3);
  CHECK(truth.subsets[0].name == "easy");
  CHECK(truth.subsets[0].counted[0] == std::vector<std::uint8_t>{0, 1});  // MATLAB counts from 1
  CHECK(rf::count_faces(truth.subsets[0]) == 2);
  CHECK(rf::count_faces(truth.subsets[2]) == 3);
}

TEST_CASE("wider ground truth: official files that do not fit each other are refused",
          "[wider][error]") {
  const auto error_of = [](const std::function<void(MatFolder&)>& damage) {
    MatFolder files;
    damage(files);
    const std::string folder = files.write();
    try {
      (void)rf::read_wider_ground_truth(folder);
    } catch (const rf::FormatError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK_THAT(error_of([](MatFolder& f) { f.easy_of_p = mat::numbers("", 1, 1, {3}); }),
             Contains("index 3 into 2 boxes"));
  CHECK_THAT(error_of([](MatFolder& f) { f.easy_of_p = mat::numbers("", 1, 1, {0}); }),
             Contains("index 0 into 2 boxes"));
  CHECK_THAT(error_of([](MatFolder& f) { f.easy_of_p = mat::numbers("", 1, 1, {1.5}); }),
             Contains("index 1.5"));
  CHECK_THAT(error_of([](MatFolder& f) {
               f.easy_of_p = mat::numbers("", 2, 1, {1, 1});
             }),
             Contains("index 1 twice"));
  CHECK_THAT(error_of([](MatFolder& f) { f.easy_of_p = mat::text("", "x"); }),
             Contains("not numeric"));
  CHECK_THAT(error_of([](MatFolder& f) {
               f.boxes_of_p = mat::numbers("", 4, 2, {1, 2, 3, 4, 5, 6, 7, 8});
             }),
             Contains("four columns"));
  CHECK_THAT(
      error_of([](MatFolder& f) {
        f.boxes_of_p = mat::numbers("", 1, 4, {1, 2, 3, std::numeric_limits<double>::quiet_NaN()});
      }),
      Contains("not a box"));
  CHECK_THAT(error_of([](MatFolder& f) { f.name_of_r = mat::text("", "../../r"); }),
             Contains("is named \"1--B/../../r\""));
  CHECK_THAT(error_of([](MatFolder& f) { f.name_of_r = mat::numbers("", 1, 1, {1}); }),
             Contains("is named \"1--B/\""));
  MatFolder files;
  const std::string folder = files.write();
  CHECK_THROWS_WITH(rf::read_wider_ground_truth(folder + "/wider_face_val.mat"),
                    Contains("name their folder"));
  std::filesystem::remove(folder + "/wider_hard_val.mat");
  CHECK_THROWS_WITH(rf::read_wider_ground_truth(folder),
                    Contains("wider_hard_val.mat: cannot open"));
  files.put("wider_hard_val.mat", {mat::numbers("other", 1, 1, {1})});
  CHECK_THROWS_WITH(rf::read_wider_ground_truth(folder), Contains("has no variable gt_list"));
}

TEST_CASE("wider ground truth: the text form counts every face that is not invalid", "[wider]") {
  const rf::WiderGroundTruth truth = rf::parse_wider_text(two_images_text(), "gt.txt");
  REQUIRE(truth.images.size() == 3);
  CHECK(truth.images[0].boxes.size() == 2);
  CHECK(truth.images[0].boxes[1].height == 40);
  CHECK(truth.images[1].name == "0--A/q");
  CHECK(truth.images[1].boxes.empty());
  CHECK(truth.images[2].boxes[0].width == 7);
  REQUIRE(truth.subsets.size() == 1);
  CHECK(truth.subsets[0].name == "all");
  CHECK(truth.subsets[0].counted[0] == std::vector<std::uint8_t>{1, 0});
}

TEST_CASE("wider ground truth: garbage in the text form names file and line", "[wider][error]") {
  const auto parse = [](const std::string& text) { return rf::parse_wider_text(text, "gt.txt"); };
  CHECK_THROWS_WITH(parse(""), "gt.txt: has no images");
  CHECK_THROWS_WITH(parse("nonsense\n"),
                    "gt.txt:1: \"nonsense\" where \"<event>/<file>.jpg\" is due");
  CHECK_THROWS_WITH(parse("a/b.jpg\nmany\n"),
                    "gt.txt:2: \"many\" where the number of faces is due");
  CHECK_THROWS_WITH(parse("a/b.jpg\n-1\n"), Contains("gt.txt:2: the count -1"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n1e300\n"), Contains("gt.txt:2: the count 1e+300"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n900000\n1 2 3 4\n"), Contains("gt.txt:4: the file ends"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n1\n1 2 3\n"), Contains("gt.txt:3: \"1 2 3\" where"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n1\n1 2 3 4 5\n"), Contains("gt.txt:3: 5 numbers where"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n1\n1 2 3 nan\n"), Contains("gt.txt:3: \"1 2 3 nan\" where"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n1\n1 2 3 1e9\n"), Contains("gt.txt:3: a box at 1e+09"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n1\n1 2 3 4x\n"), Contains("gt.txt:3: \"1 2 3 4x\" where"));
  CHECK_THROWS_WITH(parse("a/b.jpg\n0\na/b.jpg\n0\n"), Contains("gt.txt:3: \"a/b\" a second time"));
  CHECK_THROWS_WITH(parse("../b.jpg\n0\n"), Contains("gt.txt:1: \"../b.jpg\" where"));
  CHECK_THROWS_WITH(parse("a/b/c.jpg\n0\n"), Contains("gt.txt:1:"));
}

TEST_CASE("wider list: keeps the named images, and refuses names that are not there", "[wider]") {
  const rf::WiderGroundTruth truth = rf::parse_wider_text(two_images_text(), "gt.txt");
  const auto names = rf::parse_wider_list("1--B/r.jpg\n\n0--A/p\n", "list.txt");
  CHECK(names == std::vector<std::string>{"1--B/r", "0--A/p"});
  const rf::WiderGroundTruth kept = rf::keep_listed(truth, names, "list.txt");
  REQUIRE(kept.images.size() == 2);
  CHECK(kept.images[0].name == "0--A/p");
  CHECK(kept.images_in_source == 3);
  CHECK(kept.subsets[0].counted[0].size() == 2);
  CHECK(kept.subsets[0].counted[1].size() == 1);
  const std::vector<std::string> unknown{"0--A/p", "0--A/z"};
  CHECK_THROWS_WITH(rf::keep_listed(truth, unknown, "list.txt"),
                    "list.txt: \"0--A/z\" is not an image of gt.txt, faces not marked invalid");
  CHECK_THROWS_WITH(rf::parse_wider_list("\n\n", "list.txt"), "list.txt: lists no images");
  CHECK_THROWS_WITH(rf::parse_wider_list("a/b\na/b.jpg\n", "list.txt"),
                    Contains("list.txt:2: \"a/b\" a second time"));
  CHECK_THROWS_WITH(rf::parse_wider_list("/etc/passwd\n", "list.txt"), Contains("list.txt:1:"));
}

TEST_CASE("wider detections: a folder of files, with those missing and those not asked for",
          "[wider]") {
  rf::test::TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "0--A");
  std::filesystem::create_directory(folder.path() / "1--B");
  rf::write_file(folder.file("0--A/p.txt"), "p\n2\n84 539 14 19 0.9872016 \n1.5 2.25 3 4 1e-3\n",
                 rf::IfExists::refuse);
  rf::write_file(folder.file("1--B/x.txt"), "x\n0\n", rf::IfExists::refuse);
  rf::write_file(folder.file("1--B/notes.md"), "not a detection file", rf::IfExists::refuse);
  const rf::WiderGroundTruth truth = rf::parse_wider_text(two_images_text(), "gt.txt");
  const rf::WiderDetections found = rf::read_wider_detections(folder.path().string(), truth.images);
  REQUIRE(found.images.size() == 3);
  REQUIRE(found.images[0].size() == 2);
  CHECK(found.images[0][0].box.x == 84);
  CHECK(found.images[0][0].box.height == 19);
  CHECK(found.images[0][0].score == 0.9872016);
  CHECK(found.images[0][1].box.y == 2.25);
  CHECK(found.images[0][1].score == 0.001);
  CHECK(found.missing == std::vector<std::string>{"0--A/q", "1--B/r"});
  CHECK(found.others == std::vector<std::string>{"1--B/x"});

  CHECK_THROWS_WITH(rf::read_wider_detections(folder.file("1--B"), truth.images),
                    Contains("has no detection file for any of 3 images"));
  CHECK_THROWS_AS(rf::read_wider_detections(folder.file("nowhere"), truth.images), rf::FileError);
}

TEST_CASE("wider detections: garbage names file and line", "[wider][error]") {
  const auto parse = [](const std::string& text) {
    return rf::parse_wider_detections(text, "d.txt");
  };
  CHECK(parse("p\n0\n").empty());
  CHECK(parse("p\n1\n1 2 3 4 0.5\n\n").size() == 1);
  CHECK_THROWS_WITH(parse(""), "d.txt:1: empty where the name of the image is due");
  CHECK_THROWS_WITH(parse("p\n"), "d.txt:2: the file ends where the number of detections is due");
  CHECK_THROWS_WITH(parse("p\n2.5\n"), Contains("d.txt:2: the count 2.5"));
  CHECK_THROWS_WITH(parse("p\n2\n1 2 3 4 0.5\n"), Contains("d.txt:4: the file ends"));
  CHECK_THROWS_WITH(parse("p\n1\n1 2 3 4 0.5\n1 2 3 4 0.5\n"),
                    "d.txt:4: \"1 2 3 4 0.5\" after the 1 announced detections");
  CHECK_THROWS_WITH(parse("p\n1\n1 2 3 4\n"), Contains("d.txt:3: \"1 2 3 4\" where"));
  CHECK_THROWS_WITH(parse("p\n1\n1 2 3 4 5 6\n"), Contains("d.txt:3:"));
  CHECK_THROWS_WITH(parse("p\n1\n1 2 3 4 inf\n"), Contains("d.txt:3:"));
  CHECK_THROWS_WITH(parse("p\n1\n1 2 3 4 1e999\n"), Contains("d.txt:3:"));
  CHECK_THROWS_WITH(parse("p\n1\n1 2 -3 4 0.5\n"), "d.txt:3: a box of size -3 x 4");
  CHECK_THROWS_WITH(parse("p\n1\n1e8 2 3 4 0.5\n"), Contains("d.txt:3: a box beyond"));
  CHECK_THROWS_WITH(parse("p\n1\n\x1b[31m 2 3 4 0.5\n"), Contains("\"?[31m 2 3 4 0.5\""));
}
