// Where a pipeline's model comes from: a file, memory, or the program itself; its input; its use by
// many threads.
#include "retinaface/pipeline.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/random.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"
#include "weights/embedded_model.hpp"

namespace rf {
namespace {

using test::TemporaryFolder;

Image ramp() {
  Image image{64, 48, {}};
  for (int i = 0; i < 64 * 48 * 3; ++i) image.rgb.push_back(static_cast<std::uint8_t>(i * 7 % 251));
  return image;
}

TEST_CASE("pipeline: a model in memory detects what the same model in a file detects") {
  const TemporaryFolder folder;
  const std::string path = folder.file("m.safetensors");
  test::write_random_model(path, 3);
  ModelConfig config = parse_model_config(test::light_model_description());
  LoadedModel model{"in memory", "none", "", config, test::random_weights(config, 3)};

  const Pipeline from_file(path, {}), from_memory(std::move(model), {});
  const NetworkOutputs a = from_file.network(from_file.preprocess(ramp()));
  const NetworkOutputs b = from_memory.network(from_memory.preprocess(ramp()));
  CHECK(test::relative_error(b.score, a.score) == 0);
  CHECK(test::relative_error(b.landmark, a.landmark) == 0);
  CHECK(from_memory.detect(ramp()).size() == from_file.detect(ramp()).size());
  CHECK(from_memory.model().path == "in memory");
}

TEST_CASE("detector: without a model file the model of the library finds what it finds as a file") {
  const auto embedded = embedded_model();
  if (!embedded) {
    CHECK_THROWS_AS(Detector(), ModelError);
    return test::skip("no model is built in");
  }
  const TemporaryFolder folder;
  const std::string path = folder.file("m.safetensors");
  write_file(path, *embedded, IfExists::refuse);
  DetectorOptions options;
  options.size = "long:320";
  const std::string photo = std::string(RF_SOURCE_DIR) + "/docs/images/demo.jpg";
  const auto built_in = Detector(options).detect_file(photo);
  const auto from_file = Detector(path, options).detect_file(photo);
  CHECK(!built_in.empty());
  REQUIRE(built_in.size() == from_file.size());
  for (std::size_t i = 0; i < built_in.size(); ++i) {
    CHECK(built_in[i].score == from_file[i].score);
    CHECK(built_in[i].x1 == from_file[i].x1);
  }
}

TEST_CASE("detector: many threads share one, on pictures of many sizes") {
  const TemporaryFolder folder;
  const std::string path = folder.file("m.safetensors");
  test::write_random_model(path);
  const Detector detector(path);
  struct Picture {
    int width, height;
    std::vector<unsigned char> rgb;
    std::vector<Face> faces;
  };
  const auto find = [&](const Picture& picture) {
    return detector.detect(
        {.rgb = picture.rgb.data(), .width = picture.width, .height = picture.height});
  };
  std::vector<Picture> pictures;
  for (int i = 0; i < 9; ++i) {
    Picture picture{1 + i * 37 % 80, 1 + i * 53 % 70, {}, {}};
    Random random(static_cast<std::uint64_t>(i), RandomPurpose::test);
    picture.rgb.resize(static_cast<std::size_t>(3 * picture.width * picture.height));
    for (unsigned char& level : picture.rgb) level = static_cast<unsigned char>(random.below(256));
    picture.faces = find(picture);
    pictures.push_back(std::move(picture));
  }
  const auto same = [](const Face& a, const Face& b) {
    return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2 && a.score == b.score &&
           a.landmarks[4].y == b.landmarks[4].y;
  };
  const test::WithThreads limit(3);
  std::atomic<int> wrong{0};
  std::atomic<std::size_t> found{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 5; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 2 * pictures.size(); ++i) {
        const Picture& picture = pictures[(t + i) % pictures.size()];
        const std::vector<Face> faces = find(picture);
        found += faces.size();
        wrong += !std::equal(faces.begin(), faces.end(), picture.faces.begin(), picture.faces.end(),
                             same);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(found > 0);
}

TEST_CASE("pipeline: the input holds each level less the mean, times the scale, in float") {
  ModelConfig config = parse_model_config(test::light_model_description());
  config.input = {.order = ChannelOrder::bgr, .mean = {104.3, 117, 123.7}, .scale = {1, 0.017, 3}};
  const StateDict tensors = test::random_weights(config, 1);
  const Pipeline pipeline(LoadedModel{"in memory", "", "", config, tensors}, {});
  Image levels{256, 1, {}};
  for (int level = 0; level < 256; ++level) {
    for (const int value : {level, 255 - level, level / 2})
      levels.rgb.push_back(static_cast<std::uint8_t>(value));
  }
  const Tensor input = pipeline.preprocess(levels);
  REQUIRE(input.shape() == (Shape{1, 3, 1, 256}));
  for (Index c = 0; c < 3; ++c) {
    for (Index x = 0; x < 256; ++x) {
      const float level = levels.rgb[static_cast<std::size_t>(3 * x + 2 - c)];
      const auto i = static_cast<std::size_t>(c);
      const float less = level - static_cast<float>(config.input.mean[i]);
      const float wanted = less * static_cast<float>(config.input.scale[i]);
      CHECK(input.data<float>()[c * 256 + x] == wanted);
    }
  }
}

TEST_CASE("pipeline: a model in memory that does not fit its description is refused by name") {
  ModelConfig config = parse_model_config(test::light_model_description());
  StateDict tensors = test::random_weights(config, 1);
  tensors.erase("fpn.lateral.0.conv.weight");
  try {
    const Pipeline pipeline(LoadedModel{"epoch 3", "", "", config, tensors}, {});
    FAIL("accepted");
  } catch (const ModelError& error) {
    CHECK(std::string(error.what()).starts_with("epoch 3: "));
    CHECK(std::string(error.what()).find("fpn.lateral.0.conv.weight") != std::string::npos);
  }
}

}  // namespace
}  // namespace rf
