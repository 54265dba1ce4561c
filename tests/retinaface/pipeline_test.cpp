// Where a pipeline's model comes from: a file, memory, or the program itself.
#include "retinaface/pipeline.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "engine/check.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"

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
