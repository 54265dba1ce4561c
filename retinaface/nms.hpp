// Greedy non-maximum suppression: of boxes that overlap, the one with the best score stays.
#pragma once

#include <span>
#include <vector>

#include "retinaface/box_coding.hpp"

namespace rf {

// Intersection over union; 0 when the union is empty. With plus_one a side counts x2 - x1 + 1.
[[nodiscard]] double iou(const Box& a, const Box& b, bool plus_one);

// Indices of the boxes that stay, by falling score (equal scores: by rising index). A box goes when
// its IoU with one that stays is above `threshold`. Requires as many scores as boxes, none of them
// NaN.
[[nodiscard]] std::vector<Index> nms(std::span<const Box> boxes, std::span<const float> scores,
                                     const NmsConfig& config);
[[nodiscard]] std::vector<Index> nms(std::span<const Face> faces, const NmsConfig& config);

[[nodiscard]] inline Box face_box(const Face& face) { return {face.x1, face.y1, face.x2, face.y2}; }

}  // namespace rf
