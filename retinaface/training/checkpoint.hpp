// A training as a file: everything that the steps after `step` depend on.
#pragma once

#include <optional>
#include <string>

#include "engine/state_dict.hpp"
#include "retinaface/training/options.hpp"

namespace rf {

struct Checkpoint {
  Index step = 0;  // steps taken
  TrainingOptions options;
  std::string data_sha256;     // of the label files, see TrainingData
  std::string teacher_sha256;  // of the teacher's tensors; empty: none
  std::string dense_sha256;    // of the dense branch's file; empty: none
  Index best_step = 0;         // the validation with the highest AP so far; 0: none
  double best_ap = 0;
  StateDict state;  // Learner::state
};

// A safetensors file with one key of metadata, "retinaface-checkpoint". Written atomically: on a
// full disk the old file stays whole. Throws FileError.
void write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

// Throws ModelError, one line that begins with the path: no checkpoint, one of another version of
// the format, damaged.
[[nodiscard]] Checkpoint read_checkpoint(const std::string& path);

// The checkpoints of a run's folder, "checkpoint-00001200.safetensors" after step 1200.
[[nodiscard]] std::string checkpoint_path(const std::string& folder, Index step);

// Steps of the checkpoints that are there, ascending. Throws FileError: no folder.
[[nodiscard]] std::vector<Index> checkpoint_steps(const std::string& folder);

// Removes all but the last `keep`, at least 1, and that of `best_step`.
void prune_checkpoints(const std::string& folder, Index keep, Index best_step);

}  // namespace rf
