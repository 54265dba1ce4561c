#include "retinaface/training/validation.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "retinaface/data/labels.hpp"
#include "tests/model_fixture.hpp"
#include "tests/ops/op_test.hpp"
#include "weights/model_file.hpp"

namespace rf::test {

namespace {

Face face(const Box& box, float score) {
  return {.x1 = box.x1, .y1 = box.y1, .x2 = box.x2, .y2 = box.y2, .score = score, .landmarks = {}};
}

TrainingPicture picture(const std::vector<Box>& faces, const std::vector<Box>& ignored = {}) {
  TrainingPicture result{.path = "p", .labels = {.faces = {}, .ignored = ignored}};
  for (const Box& box : faces) result.labels.faces.push_back({box, {}});
  return result;
}

const Box kA{10, 10, 40, 40}, kB{60, 10, 90, 40}, kC{110, 10, 140, 40}, kFar{200, 200, 230, 230};

LoadedModel random_model() {
  ModelFile file{
      .format = "", .description = light_model_description(), .tensors = {}, .sha256 = ""};
  const ModelConfig config = parse_model_config(file.description);
  return {.path = "random",
          .format = "",
          .sha256 = "",
          .config = config,
          .tensors = random_weights(config, 1)};
}

}  // namespace

TEST_CASE("validation: a perfect detector has an AP of 1", "[validation]") {
  const std::vector<TrainingPicture> pictures = {picture({kA, kB}), picture({kC})};
  const Validation found = judge(
      pictures, {{.faces = {face(kA, 0.9F), face(kB, 0.8F)}}, {.faces = {face(kC, 0.4F)}}}, {});
  CHECK(found.ap == 1);
  CHECK(found.recall == 1);
  CHECK(found.faces == 3);
  REQUIRE(found.pictures.size() == 2);
  CHECK(found.pictures[0].path == "p");
  CHECK(found.pictures[0].found.size() == 2);
  CHECK(found.pictures[0].missed.empty());
}

TEST_CASE("validation: AP, recall and missed faces by hand", "[validation]") {
  const std::vector<TrainingPicture> pictures = {picture({kA, kB, kC})};
  // Right, wrong, right; the third face is not found. Precision 1 up to a recall of 1/3, then 2/3
  // up to 2/3.
  const Validation found =
      judge(pictures, {{.faces = {face(kA, 0.9F), face(kFar, 0.8F), face(kC, 0.7F)}}}, {});
  CHECK(std::abs(found.ap - (1.0 / 3 + 2.0 / 9)) < 1e-9);
  CHECK(std::abs(found.recall - 2.0 / 3) < 1e-12);
  REQUIRE(found.pictures[0].missed.size() == 1);
  CHECK(found.pictures[0].missed[0].box.x1 == 60);
}

TEST_CASE("validation: a detection belongs to the face that it overlaps most", "[validation]") {
  // Boxes of 40 x 40, moved by 10: (30 + 1) 41 / (2 41 41 - 31 41) = 0.61 of each other.
  const Box one{0, 0, 40, 40}, other{10, 0, 50, 40};
  const std::vector<TrainingPicture> pictures = {picture({one, other})};
  const Validation found = judge(pictures, {{.faces = {face(one, 0.9F)}}}, {});
  CHECK(found.recall == 0.5);
  REQUIRE(found.pictures[0].missed.size() == 1);
  CHECK(found.pictures[0].missed[0].box.x1 == 10);
}

TEST_CASE("validation: what is ignored is neither to be found nor wrong to find", "[validation]") {
  const std::vector<TrainingPicture> pictures = {picture({kA}, {kFar})};
  const Validation found = judge(pictures, {{.faces = {face(kFar, 0.9F), face(kA, 0.8F)}}}, {});
  CHECK(found.ap == 1);
  CHECK(found.faces == 1);
}

TEST_CASE("validation: faces count by the size that the network sees", "[validation]") {
  const std::vector<TrainingPicture> pictures = {picture({kA, kB})};  // 30 x 30 pixels
  const auto at_scale = [&](double scale) {
    return judge(pictures, {{.faces = {face(kA, 0.9F)}, .scale = scale}}, {.min_face = 15});
  };
  CHECK(at_scale(1).faces == 2);
  CHECK(at_scale(0.5).faces == 2);
  CHECK(at_scale(0.5).recall == 0.5);
  const Validation none = at_scale(0.49);
  CHECK(none.faces == 0);
  CHECK(none.ap == 0);
  CHECK(none.recall == 0);
  CHECK(none.pictures[0].missed.empty());
}

TEST_CASE("validation: pictures that cannot be read are named, and their faces not found",
          "[validation]") {
  const TemporaryFolder folder;
  Image image{64, 48, {}};
  for (Index i = 0; i < 3 * 64 * 48; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  write_image(folder.file("good.ppm"), image, IfExists::refuse);
  std::ofstream(folder.file("bad.ppm")) << "no picture";
  std::vector<TrainingPicture> pictures = {picture({{10, 10, 40, 40}}), picture({kA}),
                                           picture({kA, kB})};
  pictures[0].path = folder.file("good.ppm");
  pictures[1].path = folder.file("bad.ppm");
  pictures[2].path = folder.file("missing.ppm");
  const Pipeline pipeline(random_model(), {.score = 0.3F, .nms = {}, .size = "long:32"});
  const Validation found = validate(pipeline, pictures, {.min_face = 15});
  // At half the size the face of 30 pixels still counts.
  CHECK(found.faces == 4);
  REQUIRE(found.unreadable.size() == 2);
  CHECK_THAT(found.unreadable.begin()->first, Catch::Contains("bad.ppm"));
  CHECK_THAT(found.unreadable.rbegin()->first, Catch::Contains("missing.ppm"));
  CHECK(found.pictures[2].missed.size() == 2);
  const std::vector<Face> wanted = pipeline.detect(image);
  REQUIRE(found.pictures[0].found.size() == wanted.size());
  CHECK(!wanted.empty());
  CHECK(
      std::equal(wanted.begin(), wanted.end(), found.pictures[0].found.begin(),
                 [](const Face& a, const Face& b) { return a.x1 == b.x1 && a.score == b.score; }));
  CHECK(validate(pipeline, pictures, {.min_face = 15.1}).faces == 3);
}

TEST_CASE("validation: a network that gives no numbers is an error, not a blind one",
          "[validation][error]") {
  const TemporaryFolder folder;
  write_image(folder.file("a.ppm"), {32, 32, std::vector<std::uint8_t>(3 * 32 * 32, 99)},
              IfExists::refuse);
  std::vector<TrainingPicture> pictures = {picture({kA})};
  pictures[0].path = folder.file("a.ppm");
  for (const char* name : {"heads.cls.0.bias", "heads.box.1.bias", "heads.landmark.2.bias"}) {
    LoadedModel model = random_model();
    Tensor bias = model.tensors.at(name).clone();
    bias.data<float>()[1] = std::numeric_limits<float>::quiet_NaN();
    model.tensors.at(name) = bias;
    const Pipeline pipeline(std::move(model), {.score = 0.3F, .nms = {}, .size = "original"});
    check_refused<ModelError>([&] { (void)validate(pipeline, pictures, {}); }, {"not finite"});
  }
}

TEST_CASE("validation: the public light model finds most faces of two pictures of WIDER FACE",
          "[validation]") {
  const auto weights = shared_file("weights/mobilenet0.25_Final.pth");
  const auto folder = shared_file("data/wider/val");
  if (!weights || !folder) return;
  std::vector<TrainingPicture> pictures;
  for (const LabelledPicture& labelled : read_labels((*folder / "label.txt").string(), "").pictures)
    if (pictures.size() < 2)
      pictures.push_back({(*folder / "images" / labelled.path).string(), labelled.labels});
  const Pipeline pipeline(weights->string(), {.score = 0.02F, .nms = {}, .size = "long:640"});
  const Validation found = validate(pipeline, pictures, {.min_face = 10});
  CHECK(found.unreadable.empty());
  CHECK(found.faces > 0);
  CHECK(found.recall > 0.7);
  CHECK(found.ap > 0.7);
}

}  // namespace rf::test
