// The losses of faces whose shape nobody knows: rendered squares against pictures, five points, and
// how usual what the head says is. Stage (c) and joint training share them.
#pragma once

#include <memory>

#include "retinaface/dense/dense_branch.hpp"

namespace rf {

// Of N squares, in the order of the rows that look at them.
struct CropTargets {
  Tensor rgb;     // f32 [N, size, size, 3], 0 to 1
  Tensor inside;  // f32 [N, size, size, 1]: 1 inside the picture
  Tensor
      points;  // f32 [N, 5, 2]: labelled points in widths of the square from its upper left corner
};

struct CropLosses {
  Var pixel;     // pixel_loss(), equation (3)
  Var landmark;  // mean over rows of the five points' mean |dx| + |dy|, in widths of the square
  // Sum of the mean squares of the code, of the light in DenseHead's steps from the usual one, and
  // of the corrections of pose and focal length in 0.3: what Gaussian priors on them cost.
  Var prior;
};

class CropRenderer {
 public:
  // Throws ModelError.
  CropRenderer(const DenseModel& model, Index size);

  // Of the head that made `numbers` from `rows`. Throws ShapeError.
  [[nodiscard]] CropLosses losses(const DenseRows& rows, const DenseOutputs& numbers,
                                  const CropTargets& targets) const;

 private:
  std::unique_ptr<MeshDecoder> decoder_;
  MeshRenderer renderer_;
  Tensor landmarks5_;  // i64 [5]
  Index size_;
};

}  // namespace rf
