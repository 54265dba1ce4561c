#include "tests/model_fixture.hpp"

#include <cmath>
#include <numbers>

#include "engine/random.hpp"
#include "retinaface/model.hpp"
#include "weights/model_file.hpp"

namespace rf::test {

std::string light_model_description() {
  return R"({
    "schema": "retinaface-model/1",
    "name": "mobilenet0.25 with random weights",
    "arch": {"name": "retinaface",
             "backbone": {"name": "mobilenet0.25", "activation": {"kind": "leaky_relu", "slope": 0.1}, "bn_eps": 1e-5},
             "neck": {"channels": 64, "activation": {"kind": "leaky_relu", "slope": 0.1}, "bn_eps": 1e-5,
                      "bias": false},
             "heads": "per_level"},
    "input": {"order": "bgr", "mean": [104, 117, 123], "scale": [1, 1, 1]},
    "anchors": [{"stride": 8, "offset": 4, "sizes": [16, 32]},
                {"stride": 16, "offset": 8, "sizes": [64, 128]},
                {"stride": 32, "offset": 16, "sizes": [256, 512]}],
    "coding": {"centre_variance": 0.1, "size_variance": 0.2, "plus_one": false, "clip": false},
    "nms": {"iou": 0.4, "plus_one": false},
    "landmarks": ["image_left_eye", "image_right_eye", "nose_tip", "image_left_mouth_corner",
                  "image_right_mouth_corner"],
    "licence": "none: random numbers",
    "provenance": "made by a test",
    "sha256": ""
  })";
}

StateDict random_weights(const ModelConfig& config, std::uint64_t seed) {
  StateDict state;
  std::uint32_t item = 0;
  for (const auto& [name, tensor] : RetinaFace(config).state_dict()) {
    Random random(seed, RandomPurpose::test, 0, item++);
    Tensor values = Tensor::empty(tensor.shape());
    const bool convolution = tensor.shape().rank() == 4;
    const bool bias = name.ends_with("bias");
    const float one = name.ends_with("running_mean") ? 0.0F : 1.0F;
    const auto fan_in = static_cast<float>(tensor.numel()) / static_cast<float>(tensor.shape()[0]);
    // Heads are damped, or boxes would be many times larger than their anchors.
    const float gain = name.starts_with("heads") ? 0.02F : std::numbers::sqrt2_v<float>;
    const float deviation = convolution ? gain / std::sqrt(fan_in) : 0.1F;
    for (float& value : values.span<float>())
      value = convolution || bias ? deviation * random.normal() : one;
    state.emplace(name, values);
  }
  return state;
}

void write_random_model(const std::string& path, std::uint64_t seed) {
  ModelFile file;
  file.description = light_model_description();
  file.tensors = random_weights(parse_model_config(file.description), seed);
  write_model(path, file, IfExists::replace);
}

}  // namespace rf::test
