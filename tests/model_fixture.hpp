// A model for tests: the light network with random weights. It finds "faces" anywhere, but the same
// ones each time, and goes through every stage that a trained one goes through.
#pragma once

#include <cstdint>
#include <string>

#include "engine/state_dict.hpp"
#include "retinaface/model_config.hpp"

namespace rf::test {

// mobilenet0.25 as the JSON text of a model file (schema retinaface-model/1).
[[nodiscard]] std::string light_model_description();

// Weights for it: convolutions normal with variance 2 / fan-in, batch norms the identity, biases
// small. About half of all anchors score above 0.5.
[[nodiscard]] StateDict random_weights(const ModelConfig& config, std::uint64_t seed);

// Writes such a model as a file of ours.
void write_random_model(const std::string& path, std::uint64_t seed = 1);

}  // namespace rf::test
