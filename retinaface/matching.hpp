// Which anchor answers for which face (RetinaFace section 4.2), and what it should then say.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "retinaface/box_coding.hpp"
#include "retinaface/loss.hpp"

namespace rf {

// What is known about one picture, in pixels of the network's picture.
struct LabelledFace {
  Box box;
  std::optional<std::array<Point, 5>> landmarks;  // if they are known
};
struct PictureLabels {
  std::vector<LabelledFace> faces;
  std::vector<Box> ignored;  // regions that count neither as faces nor as background
};

// The thresholds of section 4.2, and DESIGN's for ignored regions.
struct MatchingOptions {
  double positive = 0.5;  // an anchor is a face above this IoU
  double negative = 0.3;  // and background below this one; between, it is ignored
  double ignored = 0.5;   // background with this share of its area in an ignored region is ignored
};

inline constexpr Index kBackground = -1, kIgnored = -2;

// For every anchor the face it answers for, kBackground or kIgnored.
//   1. The face with the highest IoU above `positive`; of equal ones the lower index.
//   2. Every face also keeps its best anchor, whatever the IoU above 0: pairs are taken by falling
//      IoU, each face and each anchor once; of equal ones the lower face, then the lower anchor.
//   3. Others by `negative` and `ignored`.
// Faces without an area, or that no anchor meets, get none. The time is that of the anchors which
// meet a face.
[[nodiscard]] std::vector<Index> match_anchors(const AnchorGrid& anchors,
                                               std::span<const LabelledFace> faces,
                                               std::span<const Box> ignored,
                                               const MatchingOptions& options = {});

// The targets of a batch: matched, coded. All pictures have the size of `anchors`.
[[nodiscard]] AnchorTargets make_targets(const AnchorGrid& anchors,
                                         std::span<const PictureLabels> pictures,
                                         const CodingConfig& coding,
                                         const MatchingOptions& options = {});

}  // namespace rf
