// More of a detector at test time: a picture is looked at in several sizes and mirrored, and boxes
// of one face vote (RetinaFace section 4.2, "flip as well as multi-scale strategies", box voting as
// in Gidaris and Komodakis 2015).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retinaface/pipeline.hpp"

namespace rf {

struct TestTimeOptions {
  std::vector<SizeRule> sizes;    // each gives one pass; empty: one pass, at the pipeline's size
  bool flip = false;              // each pass also over the mirrored picture
  std::optional<double> vote;     // boxes that overlap a winner by at least this IoU vote
  bool any_size = false;          // false: a pass leaves faces to others that see them better
  Index max_pixels = 12'000'000;  // a pass that would be larger is made with this many pixels
};

// The sides sqrt(w h), in pixels of the network, at which it sees faces well: from its smallest
// anchor to half of its largest.
struct SideRange {
  double low, high;
};
[[nodiscard]] SideRange good_sides(const std::vector<AnchorLevel>& anchors);

// Whether the pass with scale `scales[pass]` keeps a face of `side` pixels of the picture: when it
// sees it within `range`, or no pass does. The paper does not say so, its predecessors take small
// faces from enlarged pictures and large ones from shrunk ones.
[[nodiscard]] bool pass_keeps(double side, std::span<const double> scales, std::size_t pass,
                              const SideRange& range);

// "500,800,original": a number N is short:N, all else a rule of SizeRule. Throws UsageError.
[[nodiscard]] std::vector<SizeRule> parse_sizes(const std::string& text);

// What the network sees in a pass, within max_pixels.
[[nodiscard]] NetworkSize pass_size(const SizeRule& rule, ImageSize picture, Index max_pixels);

// A face of the mirrored picture where it is in the picture itself, x' = extent - x: left and right
// edges and points change places. `extent` is the width of the picture, less one where corners are
// pixels (NmsConfig::plus_one).
[[nodiscard]] Face mirrored(const Face& face, float extent);

// The union of what all passes found -> the faces: greedy NMS; then, with `vote`, box and landmarks
// of each winner become the mean, weighted by score, of all candidates with IoU >= vote with it
// (itself among them). Its score stays. By falling score.
[[nodiscard]] std::vector<Face> merge_candidates(std::span<const Face> candidates,
                                                 const NmsConfig& nms, std::optional<double> vote);

// All passes over one picture, merged. Throws as Pipeline::detect. Adds to `times` if given.
[[nodiscard]] std::vector<Face> detect_test_time(const Pipeline& pipeline, const Image& image,
                                                 const TestTimeOptions& options,
                                                 StageTimes* times = nullptr);

}  // namespace rf
