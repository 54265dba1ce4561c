// Which faces of a synthetic picture the detector found, and where.
#pragma once

#include <vector>

#include "retinaface/dense/synthetic.hpp"
#include "retinaface/pipeline.hpp"

namespace rf {

// Which synthetic face each detected one is: the one that its box overlaps by more than half
// (intersection over union), and of each face the `most` detections with the best scores. Rows of
// `found` that stay, ascending, and their faces.
struct Recognised {
  std::vector<Index> rows;
  std::vector<const SyntheticFace*> faces;
};
[[nodiscard]] Recognised recognised(const FaceColumns& found,
                                    const std::vector<SyntheticFace>& faces, Index most);

// These rows alone.
[[nodiscard]] FaceColumns chosen(const FaceColumns& columns, const std::vector<Index>& rows);
// All faces of several pictures, one after the other.
[[nodiscard]] FaceColumns joined(const std::vector<FaceColumns>& pictures);

}  // namespace rf
