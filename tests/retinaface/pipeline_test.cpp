// Where a pipeline's model comes from: a file, memory, or the program itself.
#include "retinaface/pipeline.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "engine/check.hpp"
#include "engine/file.hpp"
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
