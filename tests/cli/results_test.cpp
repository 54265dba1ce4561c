#include "retinaface/cli/results.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

// Numbers that float holds exactly, so that the texts below follow by hand.
ImageResult one_face() {
  return {
      .path = "a,b.jpg",
      .size = {100, 50},
      .faces =
          {{-1.5F, 2.25F, 40.0F, 50.0F, 0.75F, {{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10.125F}}}}},
      .times = {},
      .error = ""};
}

}  // namespace

TEST_CASE("numbers have fixed decimals, and zero has no sign") {
  CHECK(fixed(1.5, 3) == "1.500");
  CHECK(fixed(-0.25, 1) == "-0.2");  // ties to even, as printf
  CHECK(fixed(-0.0004, 3) == "0.000");
  CHECK(fixed(-0.0, 3) == "0.000");
  CHECK(fixed(-0.0006, 3) == "-0.001");
  CHECK(fixed(1e30, 0) == "1000000000000000019884624838656");
  CHECK(fixed(std::numeric_limits<double>::max(), 6).size() == 309 + 7);
}

TEST_CASE("JSON of a face names its landmarks and tells that the box is clipped") {
  CHECK(
      json_members(one_face()) ==
      R"("path":"a,b.jpg","width":100,"height":50,"faces":[{"box":[-1.500,2.250,40.000,50.000],"score":0.750000,)"
      R"("landmarks":{"image_left_eye":[1.000,2.000],"image_right_eye":[3.000,4.000],"nose_tip":[5.000,6.000],)"
      R"("image_left_mouth_corner":[7.000,8.000],"image_right_mouth_corner":[9.000,10.125]},"clipped":true}])");
  ImageResult inside = one_face();
  inside.faces[0].x1 = 0;  // touches the border, does not cross it
  CHECK(json_members(inside).ends_with("\"clipped\":false}]"));
}

TEST_CASE("JSON of a failed image holds the error and no faces") {
  ImageResult failed;
  failed.path = "x.jpg";
  failed.error = "x.jpg: \"no\"";
  CHECK(json_members(failed) == R"("path":"x.jpg","error":"x.jpg: \"no\"")");
}

TEST_CASE("JSON strings are UTF-8 whatever the file name is") {
  CHECK(json_string("a\nb") == R"("a\nb")");
  CHECK(json_string("caf\xe9.jpg") == "\"caf\xef\xbf\xbd.jpg\"");
}

TEST_CASE("CSV quotes what RFC 4180 wants quoted") {
  CHECK(csv_rows(one_face()) ==
        "\"a,b.jpg\",-1.500,2.250,40.000,50.000,0.750000,1.000,2.000,3.000,4.000,5.000,6.000,7.000,"
        "8.000,9.000,"
        "10.125\n");
  ImageResult quoted = one_face();
  quoted.path = "say \"hi\"";
  CHECK(csv_rows(quoted).starts_with("\"say \"\"hi\"\"\",-1.500"));
  const std::string header = csv_header();
  CHECK(header.starts_with("path,x1,y1,x2,y2,score,image_left_eye_x,image_left_eye_y,"));
  CHECK(std::count(header.begin(), header.end(), ',') == 15);
}

TEST_CASE("WIDER text gives corner, width and height") {
  CHECK(wider_text("0_Parade_1", one_face().faces) ==
        "0_Parade_1\n1\n-1.500 2.250 41.500 47.750 0.750000\n");
  CHECK(wider_text("none", {}) == "none\n0\n");
}

TEST_CASE("the table says the path, the size and every face") {
  CHECK(table_text(one_face()) ==
        "a,b.jpg: 1 face (100x50)\n"
        "        x1        y1        x2        y2   score\n"
        "      -1.5       2.2      40.0      50.0   0.750\n");
  ImageResult none = one_face();
  none.faces.clear();
  none.path = "evil\x1b[2J.jpg";
  CHECK(table_text(none) == "evil\\x1b[2J.jpg: no faces (100x50)\n");
}

TEST_CASE("a face with one number that is not finite is found out") {
  Face face = one_face().faces[0];
  CHECK(is_finite(face));
  face.landmarks[4].y = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(is_finite(face));
  face = one_face().faces[0];
  face.x2 = std::numeric_limits<float>::infinity();
  CHECK_FALSE(is_finite(face));
  CHECK_THROWS_AS(require_finite({one_face().faces[0], face}), ModelError);
  CHECK_NOTHROW(require_finite({one_face().faces[0]}));
}

TEST_CASE("the progress bar tells rate and time left") {
  CHECK(progress_line("detect", 12, 24, 3) ==
        "detect [============            ] 12/24  4.0/s  3 s left");
  CHECK(progress_line("detect", 0, 24, 3) == "detect [                        ] 0/24");
  CHECK(progress_line("eval", 1, 7201, 1) ==
        "eval [                        ] 1/7201  1.0/s  2:00 h left");
  CHECK(progress_line(std::string(200, 'x'), 1, 2, 1).size() == 79);
}

TEST_CASE("messages stay on one line") {
  CHECK(one_line("a\nb\x1b\x7f\xc3\xa9") == "a\\x0ab\\x1b\\x7f\xc3\xa9");
}

}  // namespace rf::cli
