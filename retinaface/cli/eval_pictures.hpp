// The detector over the pictures of an evaluation, side by side.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "retinaface/cli/eval.hpp"

namespace rf::cli {

struct EvalPictures {
  std::string label;               // of the progress bar
  std::string folder;              // for messages
  std::vector<std::string> paths;  // of the pictures

  // The largest that the network sees of a picture, for the bound of memory.
  std::function<ImageSize(ImageSize stored)> canvas;
  // The faces of a picture as it is stored; ground truth does not know EXIF. On several threads.
  std::function<std::vector<Face>(Image image, StageTimes& times)> detect;
  // Takes what was found, in the order of the pictures; nothing where the file is no picture.
  std::function<void(std::size_t index, const std::optional<std::vector<Face>>& faces)> collect;
};

// Fills in what `run` tells of images and time. Pictures that cannot be decoded are said; throws
// FormatError when none can, and what `detect` and `collect` throw.
void detect_pictures(const EvalPictures& pictures, const RunFlags& flags, DetectorRun& run);

}  // namespace rf::cli
