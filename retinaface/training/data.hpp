// The pictures that a training learns from and those that it is validated on.
#pragma once

#include <string>
#include <vector>

#include "retinaface/data/dataset.hpp"
#include "retinaface/data/labels.hpp"
#include "retinaface/training/options.hpp"

namespace rf {

struct TrainingData {
  Dataset train;
  std::vector<TrainingPicture> validation;
  std::vector<LabelProblem> problems;  // lines that were left out
  std::string sha256;  // of all label and ignore files: a resumed training must find them the same
};

// Reads the labels that the options name. Validation pictures are those of --val, or --holdout
// pictures spread evenly over the first folder, which are then not trained on; with --overfit, the
// pictures that are learned: as many as it says, spread evenly over those of the first folder that
// have faces. Throws UsageError, FileError, FormatError.
[[nodiscard]] TrainingData read_training_data(const TrainingOptions& options);

// All pictures of these folders ("FOLDER" or "FOLDER:WEIGHT", whose weight does not count here), in
// the order of their label files. Throws as read_training_data does.
struct LabelledPictures {
  std::vector<TrainingPicture> pictures;
  std::string sha256;  // as of TrainingData
};
[[nodiscard]] LabelledPictures read_labelled_pictures(const std::vector<std::string>& folders);

}  // namespace rf
