#include "retinaface/evaluation/dense_landmarks.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <sstream>

#include "engine/check.hpp"
#include "tests/model_fixture.hpp"
#include "tests/noise_image.hpp"
#include "tests/silent_dense_model.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

// 68 points in a box of 40 x 90 pixels at (10, 20).
std::string points_text() {
  std::ostringstream text;
  for (int i = 0; i < 68; ++i) text << 10 + 40 * (i % 2) << ' ' << 20 + 90 * (i / 67) << " -3.5\n";
  return text.str();
}

std::string face_text(const std::string& name, const std::string& angles) {
  return "# " + name + " pose_para " + angles + "\n" + points_text();
}

DenseLandmarkResult result(double yaw, double read, double posed) {
  return {.yaw = yaw, .errors = DenseLandmarkErrors{.read = read, .posed = posed}};
}

DenseBranch silent_branch() {
  return DenseBranch(silent_dense_model(parse_model_config(light_model_description()), "none"));
}

// A face looking into the camera, with a column of zeros.
FaceColumns one_face(float x, float y) {
  const auto at = [&](float right, float down) { return Point{x + right, y + down}; };
  return {.faces = {{.x1 = x,
                     .y1 = y,
                     .x2 = x + 100,
                     .y2 = y + 130,
                     .score = 0.9F,
                     .landmarks = {at(30, 50), at(70, 50), at(50, 75), at(35, 100), at(65, 100)}}},
          .groups = {2},
          .features = Tensor::zeros({1, 64})};
}

}  // namespace

TEST_CASE("landmarks68: a file in the form of AFLW2000 is read, yaw from the second angle") {
  const auto faces =
      parse_landmarks68(face_text("images/a b.jpg", "-0.1 0.5 0.2 100 200 -3 0.001") + "\n" +
                            face_text("b.png", "0 -1e-1 0"),
                        "file");
  REQUIRE(faces.size() == 2);
  CHECK(faces[0].path == "images/a b.jpg");
  CHECK(faces[0].yaw == Approx(0.5 * 180 / std::numbers::pi));
  CHECK(faces[1].path == "b.png");
  CHECK(faces[1].yaw == Approx(-0.1 * 180 / std::numbers::pi));
  CHECK(faces[0].points[1] == std::array<double, 2>{50, 20});
  const Box box = faces[0].box();
  CHECK((box.x1 == 10 && box.y1 == 20 && box.x2 == 50 && box.y2 == 110));
}

TEST_CASE("landmarks68: lines that are not what is due are refused by number") {
  const auto refused = [](const std::string& text, const std::string& what) {
    CAPTURE(text.substr(0, 60), what);
    CHECK_THROWS_WITH(parse_landmarks68(text, "file"), Catch::Contains(what));
    CHECK_THROWS_AS(parse_landmarks68(text, "file"), FormatError);
  };
  const std::string good = face_text("a.jpg", "0 0 0");
  refused("", "file: names no picture");
  refused("\n\n", "names no picture");
  refused("a.jpg pose_para 0 0 0\n" + points_text(), "file:1: ");
  refused("# a.jpg\n" + points_text(), "file:1: ");
  refused("#  pose_para 0 0 0\n" + points_text(), "file:1: ");
  refused("# pose_para 0 0 0\n" + points_text(), "file:1: ");
  refused(face_text("a.jpg", "0 0"), "file:1: ");
  refused(face_text("a.jpg", "0 nan 0"), "file:1: ");
  refused(face_text("a.jpg", "0 0x3 0"), "file:1: ");
  refused(face_text("a.jpg", "0 3.2 0"), "a yaw of 3.2 radians");
  refused(good + "# b.jpg pose_para 0 0 0\n1 2 3\n", "file:72: the file ends where a landmark");
  refused("# a.jpg pose_para 0 0 0\n1 2\n", "file:2: ");
  refused("# a.jpg pose_para 0 0 0\n1 2 3 4\n", "file:2: ");
  refused("# a.jpg pose_para 0 0 0\n1 inf 3\n", "file:2: ");
  refused("# a.jpg pose_para 0 0 0\n1 2e6 3\n", "a million pixels");
  std::string flat = "# a.jpg pose_para 0 0 0\n";
  for (int i = 0; i < 68; ++i) flat += "1 " + std::to_string(i) + " 0\n";
  refused(flat, "no extent");
  CHECK_THROWS_AS(read_landmarks68("/nowhere/at/all.txt"), FileError);
}

TEST_CASE("landmarks68: the error is the mean distance over sqrt(w h) of the labels' box") {
  const Landmarks68 labelled = parse_landmarks68(face_text("a.jpg", "0 0 0"), "file").front();
  // Vertices in backward order, each (3, 4) away: 5 pixels, over sqrt(40 * 90) = 60.
  Tensor points = Tensor::zeros({70, 3});
  std::vector<Index> rows;
  for (Index k = 0; k < 68; ++k) {
    const Index row = 69 - k;
    rows.push_back(row);
    const auto& [x, y] = labelled.points[static_cast<std::size_t>(k)];
    points.data<float>()[3 * row] = static_cast<float>(x + 3);
    points.data<float>()[3 * row + 1] = static_cast<float>(y - 4);
  }
  CHECK(landmark_error(points, rows, labelled) == Approx(5.0 / 60).epsilon(1e-6));
  points.data<float>()[3 * 69] += 60 * 68;  // one point alone moves far to the right
  CHECK(landmark_error(points, rows, labelled) > 1);
}

TEST_CASE(
    "landmarks68: the detection that overlaps the labels best answers, or the face is missed") {
  const DenseBranch branch = silent_branch();
  const Image picture = noise_image(500, 100);
  FaceColumns found = one_face(40, 30);
  const FaceColumns other = one_face(400, 30);
  const Tensor mesh_points = branch.posed_mean(found.faces)[0].points;
  Landmarks68 labelled{.path = "a.jpg"};
  for (std::size_t k = 0; k < 68; ++k) {
    const float* at = mesh_points.data<float>() + 3 * branch.model().landmarks68[k];
    labelled.points[k] = {static_cast<double>(at[0]), static_cast<double>(at[1])};
  }
  found.faces.insert(found.faces.begin(), other.faces[0]);
  found.groups = {0, 2};
  found.features = Tensor::zeros({2, 64});
  const auto errors = landmark_errors(branch, picture, found, labelled);
  REQUIRE(errors);
  CHECK(errors->posed < 1e-6);
  CHECK(errors->read < 1e-4);  // a head that says nothing gives the camera back, to rounding
  CHECK_FALSE(landmark_errors(branch, picture, other, labelled));
  CHECK_FALSE(landmark_errors(
      branch, picture, {.faces = {}, .groups = {}, .features = Tensor::zeros({0, 64})}, labelled));
}

TEST_CASE("landmarks68: bins of yaw end at 30, 60 and 90 degrees, missed faces beside the mean") {
  const std::vector<DenseLandmarkResult> results{
      result(0, 0.02, 0.04),   result(-30, 0.04, 0.04),   result(30.001, 0.06, 0.05),
      result(-60, 0.10, 0.07), {.yaw = 75, .errors = {}}, result(-91, 0.2, 0.1)};
  const DenseLandmarkSummary summary = summarise(results);
  CHECK(summary.bins[0].faces == 2);
  CHECK(summary.bins[1].faces == 2);
  CHECK(summary.bins[2].faces == 2);
  CHECK(summary.bins[2].missed == 1);
  CHECK(summary.bins[0].mean.read == Approx(0.03));
  CHECK(summary.bins[0].mean.posed == Approx(0.04));
  CHECK(summary.bins[1].mean.read == Approx(0.08));
  CHECK(summary.bins[2].mean.read == Approx(0.2));
  CHECK(summary.of_bins.read == Approx((0.03 + 0.08 + 0.2) / 3));
  CHECK(summary.of_bins.posed == Approx((0.04 + 0.06 + 0.1) / 3));
  CHECK(summary.all.faces == 6);
  CHECK(summary.all.found() == 5);
  CHECK(summary.all.mean.read == Approx(0.42 / 5));
}

TEST_CASE("landmarks68: bins without a face found are not in the mean of the bins") {
  const std::vector<DenseLandmarkResult> results{result(5, 0.02, 0.04), {.yaw = 45, .errors = {}}};
  const DenseLandmarkSummary summary = summarise(results);
  CHECK(summary.of_bins.read == 0.02);
  CHECK(summary.bins[1].missed == 1);
  CHECK(summary.bins[1].mean.read == 0);
  const DenseLandmarkSummary none = summarise(std::vector<DenseLandmarkResult>());
  CHECK((none.all.faces == 0 && none.of_bins.read == 0));
}

TEST_CASE("landmarks68: aflw2000's sixteen images fall into bins of 10, 4 and 2") {
  const auto file = shared_file("data/aflw2000/landmarks68_3d.txt");
  if (!file) return;
  std::vector<DenseLandmarkResult> results;
  for (const Landmarks68& face : read_landmarks68(file->string()))
    results.push_back({.yaw = face.yaw, .errors = {}});
  const DenseLandmarkSummary summary = summarise(results);
  CHECK(summary.bins[0].faces == 10);
  CHECK(summary.bins[1].faces == 4);
  CHECK(summary.bins[2].faces == 2);
}

}  // namespace rf::test
