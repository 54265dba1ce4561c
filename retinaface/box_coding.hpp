// From what the heads predict, relative to an anchor, to boxes and landmarks in pixels, and back.
#pragma once

#include <array>
#include <span>

#include "retinaface/anchors.hpp"
#include "retinaface/detector.hpp"

namespace rf {

struct Box {
  float x1, y1, x2, y2;
};

// t = (tx, ty, tw, th). Centre = anchor centre + centre_variance t_xy size; side = size
// exp(size_variance t_wh) (Girshick et al. 2014, appendix C, with SSD's variances). The corners are
// centre -/+ side / 2, or centre -/+ (side - 1) / 2 with coding.plus_one.
[[nodiscard]] Box decode_box(const Anchor& anchor, std::span<const float, 4> t,
                             const CodingConfig& coding);

// t = (x, y) of five points. Point = anchor centre + centre_variance t size.
[[nodiscard]] std::array<Point, 5> decode_landmarks(const Anchor& anchor,
                                                    std::span<const float, 10> t,
                                                    const CodingConfig& coding);

// What the heads should predict: decode_box(anchor, encode_box(anchor, box, coding), coding) is the
// box. Requires a box with an area (with coding.plus_one, a pixel of width and height is enough).
[[nodiscard]] std::array<float, 4> encode_box(const Anchor& anchor, const Box& box,
                                              const CodingConfig& coding);
[[nodiscard]] std::array<float, 10> encode_landmarks(const Anchor& anchor,
                                                     const std::array<Point, 5>& points,
                                                     const CodingConfig& coding);

}  // namespace rf
