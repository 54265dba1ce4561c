// How good a detector is on labelled pictures, during its training.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "retinaface/data/dataset.hpp"
#include "retinaface/pipeline.hpp"

namespace rf {

struct ValidationOptions {
  // Faces that count, by the square root of their area, in pixels of the picture that the network
  // sees; others are neither to be found nor wrong to find.
  double min_face = 8;
  // Of the pipeline: the score above which detections are judged, and what the network sees.
  float score = 0.02F;
  std::string size = "original";
};

struct ValidatedPicture {
  std::string path;
  std::vector<Face> found;
  std::vector<LabelledFace> missed;  // faces that count and that no detection at IoU 0.5 found
};

struct Validation {
  double ap = 0;      // of WIDER FACE's protocol, at IoU 0.5, of the faces that count
  double recall = 0;  // share of them that a detection found, whatever its score above `score`
  Index faces = 0;    // that count
  std::vector<ValidatedPicture> pictures;
  // Pictures, and why; they count as pictures without detections.
  std::map<std::string, std::string> unreadable;
};

// What a detector found in one picture, and how many of its own pixels it saw for one of the
// picture.
struct FoundFaces {
  std::vector<Face> faces;
  double scale = 1;
};

// Judges what was found in each picture, in pixels of the picture; faces that are finite and above
// the score that matters.
[[nodiscard]] Validation judge(std::span<const TrainingPicture> pictures,
                               std::vector<FoundFaces> found, const ValidationOptions& options);

// Detects in every picture. Throws ModelError when the network gives values that are not finite.
[[nodiscard]] Validation validate(const Pipeline& pipeline,
                                  std::span<const TrainingPicture> pictures,
                                  const ValidationOptions& options);

}  // namespace rf
