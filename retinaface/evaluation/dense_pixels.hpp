// Rendered faces against photographs (the pixel loss of RetinaFace section 3.2.2 as a measure):
// what the branch says of a face beside the mean face, each with camera and light fitted in the
// same way, so that shape and colours alone make the difference.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "retinaface/dense/camera_fit.hpp"
#include "retinaface/dense/dense_branch.hpp"
#include "retinaface/matching.hpp"

namespace rf {

struct DensePixelOptions {
  double smallest = 64;  // longer side of a detected box in pixels
  Index size = 64;       // of the square around a box as it is compared, in pixels
  CameraFitOptions fit;
  bool fit_code = false;  // measure also faces whose code was fitted: what any head could reach
};

// A detection that overlaps a label less is no face of the data set.
inline constexpr double kLeastPixelIou = 0.5;

// Rows of the detections that are measured: of a labelled face (match_detections) and large enough.
// Ascending.
[[nodiscard]] std::vector<Index> measured_faces(const FaceColumns& found,
                                                std::span<const LabelledFace> labelled,
                                                double smallest);

// masked_error() over the pixels that the mean face covers as the five points pose it: the same
// pixels for both faces, before and after the fit.
struct DensePixelErrors {
  double read_before = 0, read_after = 0;    // the branch: from its own camera and light
  double posed_before = 0, posed_after = 0;  // the mean face: from five points and the usual light
  // After a fit of the code as well, from the head's and from 0; 0 unless that was asked for.
  double read_code = 0, posed_code = 0;
  Index pixels = 0;  // of the mask
};

// Of one picture. Several threads may use one.
class DensePixels {
 public:
  // `branch` must outlive this. Throws UsageError: a size below 8 or above 1024.
  DensePixels(const DenseBranch& branch, const DensePixelOptions& options);

  // One for each of the faces. Nothing where the mean face covers no pixel of the picture. Throws
  // what square_pixels() and DenseBranch::read() throw; ModelError: numbers that are not finite.
  [[nodiscard]] std::vector<std::optional<DensePixelErrors>> operator()(
      const Image& picture, const FaceColumns& faces) const;

 private:
  [[nodiscard]] std::optional<DensePixelErrors> errors(const Image& picture, const DenseFace& read,
                                                       const DenseFace& posed) const;

  const DenseBranch& branch_;
  DensePixelOptions options_;
  MeshRenderer renderer_;
};

// Over faces; 0 without any. The median of an even number is the mean of the two in the middle.
struct DensePixelSummary {
  Index faces = 0;
  DensePixelErrors mean, median;
  double better = 0;  // share of the faces on which the branch has less error than the mean face
};
[[nodiscard]] DensePixelSummary summarise(std::span<const DensePixelErrors> faces);

// `count` of the numbers 0 .. total - 1, spread evenly; all of them if count is 0 or larger.
[[nodiscard]] std::vector<Index> spread_evenly(Index total, Index count);

}  // namespace rf
