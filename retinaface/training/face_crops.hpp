// Faces of labelled photographs as the dense branch learns from them: features, labelled points and
// pixels. The detector does not change, so they are made once.
#pragma once

#include <string>
#include <vector>

#include "retinaface/dense/dense_branch.hpp"
#include "retinaface/training/stage.hpp"

namespace rf {

struct FaceCrop {
  Face face;                         // as detected, in pixels of the picture
  Index group;                       // FaceColumns
  std::vector<float> features;       // [channels], SeenColours among them
  std::array<Point, 5> landmarks;    // as labelled
  std::vector<std::uint8_t> rgb;     // [size, size, 3] of the square around the face
  std::vector<std::uint8_t> inside;  // [size, size]: 1 inside the picture
};

struct FaceCropOptions {
  std::vector<std::string> data;  // folders with label.txt and images/
  double smallest = 48;           // longer side of the detected box in pixels
  Index size = 64;                // of the pixels that are kept
  bool mirrored = true;           // each picture again, mirrored
};

struct FaceCrops {
  std::vector<FaceCrop> faces;  // in the order of the label files
  std::string sha256;           // of the label and ignore files, and of the faces found
  std::map<std::string, std::string> unreadable;  // pictures, and why
};

// Of every labelled face with five points that the detector finds (intersection over union above
// 0.5); `seen` gives the colours. Pictures are read side by side. Throws what reading labels
// throws; UsageError: no face.
[[nodiscard]] FaceCrops read_face_crops(const FaceCropOptions& options, const Pipeline& detector,
                                        const SeenColours& seen);

// Faces of a batch as columns, and their pixels f32 [N, size, size, 3] and [N, size, size, 1], in
// the order given.
[[nodiscard]] FaceColumns columns_of(const std::vector<const FaceCrop*>& faces);
struct CropPixels {
  Tensor rgb, inside;
};
[[nodiscard]] CropPixels pixels_of(const std::vector<const FaceCrop*>& faces, Index size);

}  // namespace rf
