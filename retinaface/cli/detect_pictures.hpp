// The run of detect: from a queue of inputs to results and files, pictures side by side.
#pragma once

#include <functional>

#include "retinaface/cli/inputs.hpp"
#include "retinaface/cli/mesh_outputs.hpp"
#include "retinaface/cli/outputs.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/results.hpp"

namespace rf::cli {

struct DetectRun {
  const Pipeline& pipeline;
  const DecodeOptions& decode;
  InputQueue& inputs;
  OutputFiles& files;
  ResultWriter& results;
  Progress& progress;
  MeshOutputs* meshes;              // or nothing
  std::function<void()> interrupt;  // makes `inputs` end that waits for a line; or nothing
};

struct DetectCounts {
  Index succeeded = 0, failed = 0;
};

// Every input through decoding, detection and the writing of its files, `jobs` of them at a time.
// Results, and lines on stderr, come in the order of the inputs, each as soon as those before it
// are out. Never throws for what is wrong with an image, that is in its result.
[[nodiscard]] DetectCounts detect_pictures(const DetectRun& run, int jobs);

}  // namespace rf::cli
