#include "retinaface/evaluation/dense_pixels.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/check.hpp"
#include "tests/model_fixture.hpp"
#include "tests/silent_dense_model.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

DenseModel silent_model() {
  return silent_dense_model(parse_model_config(light_model_description()), "none");
}

Face face_at(float x, float y, float side) {
  const auto at = [&](float right, float down) { return Point{x + side * right, y + side * down}; };
  return {.x1 = x,
          .y1 = y,
          .x2 = x + side,
          .y2 = y + side,
          .score = 0.9F,
          .landmarks = {at(0.3F, 0.4F), at(0.7F, 0.4F), at(0.5F, 0.6F), at(0.35F, 0.8F),
                        at(0.65F, 0.8F)}};
}

FaceColumns columns_of_faces(const std::vector<Face>& faces) {
  const auto count = static_cast<Index>(faces.size());
  return {.faces = faces,
          .groups = std::vector<Index>(faces.size(), 1),
          .features = Tensor::zeros({count, 64})};
}

Image grey(Index width, Index height, std::uint8_t level) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), level)};
}

// The decoder adds the same to every vertex.
void add_to_every_vertex(DenseModel& model, const std::vector<double>& values) {
  model.decoder_state["last.bias"] =
      Tensor::from({6}, std::span<const double>(values)).to(DType::f32);
}

DensePixelErrors errors_of(const DenseModel& model, const Image& picture, Index steps) {
  const DenseBranch branch(model);
  const DensePixels pixels(branch, {.size = 32, .fit = {.steps = steps}});
  const auto all = pixels(picture, columns_of_faces({face_at(40, 40, 80)}));
  REQUIRE(all.size() == 1);
  REQUIRE(all[0]);
  return *all[0];
}

}  // namespace

TEST_CASE("dense pixels: a branch that says nothing has the errors of the mean face") {
  const DensePixelErrors errors = errors_of(silent_model(), grey(160, 160, 90), 8);
  CHECK(errors.pixels > 100);
  CHECK(errors.posed_after < errors.posed_before);
  CHECK(errors.read_before == Approx(errors.posed_before).epsilon(1e-3));
  // Two paths from starts that differ in the last bits.
  CHECK(errors.read_after == Approx(errors.posed_after).epsilon(0.05));
}

// This decoder makes one face of every code, so a fit of the code too finds what one of the camera
// finds.
TEST_CASE("dense pixels: faces whose code is fitted are measured when they are asked for") {
  const DenseModel model = silent_model();
  const DenseBranch branch(model);
  const auto errors = [&](bool fit_code) {
    const DensePixels pixels(branch, {.size = 32, .fit = {.steps = 8}, .fit_code = fit_code});
    return *pixels(grey(160, 160, 90), columns_of_faces({face_at(40, 40, 80)}))[0];
  };
  const DensePixelErrors without = errors(false), with = errors(true);
  CHECK(without.read_code == 0);
  CHECK(without.posed_code == 0);
  CHECK(with.read_after == without.read_after);
  CHECK(with.read_code == Approx(with.read_after).epsilon(0.05));
  CHECK(with.posed_code == Approx(with.posed_after).epsilon(0.05));
  CHECK(summarise(std::vector{with, without}).mean.read_code == Approx(with.read_code / 2));
}

TEST_CASE("dense pixels: a pixel of the mean face that the branch leaves free is an error of 1") {
  DenseModel model = silent_model();
  // 50 m to the side: out of the picture. Its camera's pose is about the mesh's origin.
  add_to_every_vertex(model, {5000, 0, 0, 0, 0, 0});
  const DensePixelErrors errors = errors_of(model, grey(160, 160, 90), 0);
  CHECK(errors.read_before == 1);
  CHECK(errors.read_after == 1);
  CHECK(errors.posed_before == errors.posed_after);
  CHECK(errors.posed_after < 0.6);
}

TEST_CASE("dense pixels: colours are told apart where shapes agree") {
  DenseModel model = silent_model();
  add_to_every_vertex(model, {0, 0, 0, 0.2, 0.2, 0.2});
  // A picture that is brighter than any lit skin: more albedo is less error.
  const DensePixelErrors brighter = errors_of(model, grey(160, 160, 255), 0);
  CHECK(brighter.read_before < brighter.posed_before - 0.05);
  const DensePixelErrors darker = errors_of(model, grey(160, 160, 0), 0);
  CHECK(darker.read_before > darker.posed_before + 0.05);
  CHECK(darker.read_after == darker.read_before);
}

TEST_CASE("dense pixels: nothing for a face outside of the picture") {
  const DenseModel model = silent_model();
  const DenseBranch branch(model);
  const DensePixels pixels(branch, {.size = 32, .fit = {.steps = 2}});
  const auto all =
      pixels(grey(160, 160, 90), columns_of_faces({face_at(900, 900, 80), face_at(40, 40, 80)}));
  REQUIRE(all.size() == 2);
  CHECK_FALSE(all[0]);
  CHECK(all[1]);
  CHECK(pixels(grey(8, 8, 0), columns_of_faces({})).empty());
  CHECK_THROWS_AS(DensePixels(branch, {.size = 7, .fit = {}}), UsageError);
  CHECK_THROWS_AS(DensePixels(branch, {.size = 2000, .fit = {}}), UsageError);
}

TEST_CASE("dense pixels: the same numbers for any number of threads") {
  const DenseModel model = silent_model();
  const auto errors = [&](int count) {
    const WithThreads threads(count);
    return errors_of(model, grey(160, 160, 90), 4);
  };
  const DensePixelErrors one = errors(1), three = errors(3);
  CHECK(one.read_after == three.read_after);
  CHECK(one.posed_after == three.posed_after);
  CHECK(one.pixels == three.pixels);
}

TEST_CASE("dense pixels: detections of labelled faces that are large enough are measured") {
  const FaceColumns found = columns_of_faces(
      {face_at(0, 0, 80), face_at(200, 0, 80), face_at(400, 0, 40), face_at(4, 4, 80)});
  const auto label = [](float x, float side) {
    return LabelledFace{.box = {x, 0, x + side, side}, .landmarks = {}};
  };
  const std::vector<LabelledFace> labelled{label(400, 40), label(0, 80)};
  CHECK(measured_faces(found, labelled, 64) == std::vector<Index>{0});
  CHECK(measured_faces(found, labelled, 40) == std::vector<Index>{0, 2});
  CHECK(measured_faces(found, std::vector<LabelledFace>(), 40).empty());
}

TEST_CASE("dense pixels: mean, median and share over faces") {
  const std::vector<DensePixelErrors> faces{
      {.read_before = 0.4, .read_after = 0.1, .posed_before = 0.5, .posed_after = 0.2, .pixels = 9},
      {.read_before = 0.6, .read_after = 0.3, .posed_before = 0.5, .posed_after = 0.2, .pixels = 5},
      {.read_before = 0.2,
       .read_after = 0.05,
       .posed_before = 0.5,
       .posed_after = 0.4,
       .pixels = 4},
      {.read_before = 0.4,
       .read_after = 0.15,
       .posed_before = 0.1,
       .posed_after = 0.2,
       .pixels = 2}};
  const DensePixelSummary summary = summarise(faces);
  CHECK(summary.faces == 4);
  CHECK(summary.mean.read_before == Approx(0.4));
  CHECK(summary.mean.read_after == Approx(0.15));
  CHECK(summary.median.read_after == Approx(0.125));
  CHECK(summary.mean.posed_after == Approx(0.25));
  CHECK(summary.median.posed_after == Approx(0.2));
  CHECK(summary.mean.pixels == 5);
  CHECK(summary.better == 0.75);
  CHECK(summarise(std::vector<DensePixelErrors>()).faces == 0);
}

TEST_CASE("dense pixels: faces are spread evenly") {
  CHECK(spread_evenly(10, 3) == std::vector<Index>{0, 3, 6});
  CHECK(spread_evenly(3, 0) == std::vector<Index>{0, 1, 2});
  CHECK(spread_evenly(2, 9) == std::vector<Index>{0, 1});
  CHECK(spread_evenly(0, 4).empty());
}

}  // namespace rf::test
