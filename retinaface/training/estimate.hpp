// What a training will need, before it begins.
#pragma once

#include "retinaface/training/train.hpp"

namespace rf {

struct TrainingEstimate {
  Index steps = 0, pictures = 0, parameters = 0;
  double seconds_per_picture = 0;  // forward, backward and step; the mean over the sizes
  Index network_bytes = 0;         // of the largest size: activations, gradients, optimiser
  Index batch_bytes = 0;           // of batches prepared in advance
  Index cache_bytes = 0;           // of decoded pictures, at most
};

// Takes a few steps with one picture and with a few, of made-up content, and goes on from there in
// a straight line: memory and time of a step grow with the batch. So it costs seconds and little
// memory, however large the batch is. The pictures themselves are not read. Throws as train().
[[nodiscard]] TrainingEstimate estimate_training(const TrainingOptions& options,
                                                 const RunOptions& run);

}  // namespace rf
