#include "retinaface/test_time.hpp"

#include <algorithm>
#include <cmath>

#include "engine/check.hpp"
#include "engine/image_mirror.hpp"
#include "retinaface/box_grid.hpp"
#include "retinaface/nms.hpp"

namespace rf {

namespace {

double side_of(const Face& face) {
  const double width = static_cast<double>(face.x2) - static_cast<double>(face.x1);
  const double height = static_cast<double>(face.y2) - static_cast<double>(face.y1);
  return std::sqrt(std::max(width * height, 0.0));
}

// Sums in double, in the order of the candidates: the same in every run.
class Vote {
 public:
  void add(const Face& face) {
    const double score = static_cast<double>(face.score);
    weight_ += score;
    for_each(sum_, face,
             [&](double& sum, float value) { sum += score * static_cast<double>(value); });
  }

  // Scores of 0 leave the face as it is.
  [[nodiscard]] Face mean(Face face) const {
    if (!(weight_ > 0)) return face;
    for_each(sum_, face,
             [&](double sum, float& value) { value = static_cast<float>(sum / weight_); });
    return face;
  }

 private:
  template <class Sums, class AnyFace, class F>
  static void for_each(Sums& sums, AnyFace& face, F&& f) {
    f(sums[0], face.x1);
    f(sums[1], face.y1);
    f(sums[2], face.x2);
    f(sums[3], face.y2);
    for (std::size_t i = 0; i < face.landmarks.size(); ++i) {
      f(sums[4 + 2 * i], face.landmarks[i].x);
      f(sums[5 + 2 * i], face.landmarks[i].y);
    }
  }

  std::array<double, 14> sum_{};
  double weight_ = 0;
};

void vote_for(std::vector<Face>& winners, std::span<const Face> candidates, double least_iou,
              bool plus_one) {
  std::vector<Box> boxes;
  for (const Face& face : candidates) boxes.push_back(face_box(face));
  BoxGrid grid(boxes, least_iou, plus_one);
  for (std::size_t i = 0; i < boxes.size(); ++i) grid.add(boxes[i], static_cast<Index>(i));
  std::vector<std::size_t> voters;
  for (Face& winner : winners) {
    voters.clear();
    const Box box = face_box(winner);
    (void)grid.any_near(box, [&](Index index) {
      const auto i = static_cast<std::size_t>(index);
      if (iou(boxes[i], box, plus_one) >= least_iou) voters.push_back(i);
      return false;
    });
    std::sort(voters.begin(), voters.end());
    Vote vote;
    for (const std::size_t i : voters) vote.add(candidates[i]);
    winner = vote.mean(winner);
  }
}

}  // namespace

std::vector<SizeRule> parse_sizes(const std::string& text) {
  std::vector<SizeRule> sizes;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string one = text.substr(start, end - start);
    const bool number = !one.empty() && one.find_first_not_of("0123456789") == std::string::npos;
    sizes.push_back(SizeRule::parse(number ? "short:" + one : one));
    start = end + 1;
  }
  return sizes;
}

NetworkSize pass_size(const SizeRule& rule, ImageSize picture, Index max_pixels) {
  RF_ASSERT(max_pixels > 0);
  const NetworkSize size{rule.scaled(picture), rule.canvas(picture)};
  const double pixels =
      static_cast<double>(size.canvas.width) * static_cast<double>(size.canvas.height);
  if (pixels <= static_cast<double>(max_pixels)) return size;
  // Both sides of the picture alike, rounded down.
  const double area = static_cast<double>(picture.width) * static_cast<double>(picture.height);
  const double scale = std::sqrt(static_cast<double>(max_pixels) / area);
  const auto side = [&](Index from) {
    return std::max<Index>(1, static_cast<Index>(static_cast<double>(from) * scale));
  };
  const ImageSize limited{side(picture.width), side(picture.height)};
  return {limited, limited};
}

SideRange good_sides(const std::vector<AnchorLevel>& anchors) {
  SideRange range{anchors.front().sizes.front(), anchors.front().sizes.front()};
  for (const AnchorLevel& level : anchors) {
    range.low = std::min(range.low, level.sizes.front());
    range.high = std::max(range.high, level.sizes.back());
  }
  return {range.low, range.high / 2};
}

bool pass_keeps(double side, std::span<const double> scales, std::size_t pass,
                const SideRange& range) {
  const auto sees = [&](double scale) {
    return side * scale >= range.low && side * scale <= range.high;
  };
  return sees(scales[pass]) || std::ranges::none_of(scales, sees);
}

Face mirrored(const Face& face, float extent) {
  Face result{extent - face.x2, face.y1, extent - face.x1, face.y2, face.score, {}};
  constexpr std::array<std::size_t, 5> kOther{1, 0, 2, 4, 3};
  for (std::size_t i = 0; i < kOther.size(); ++i) {
    const Point& from = face.landmarks[kOther[i]];
    result.landmarks[i] = {extent - from.x, from.y};
  }
  return result;
}

std::vector<Face> merge_candidates(std::span<const Face> candidates, const NmsConfig& config,
                                   std::optional<double> vote) {
  std::vector<Face> winners;
  for (const Index kept : nms(candidates, config))
    winners.push_back(candidates[static_cast<std::size_t>(kept)]);
  if (vote) vote_for(winners, candidates, *vote, config.plus_one);
  return winners;
}

std::vector<Face> detect_test_time(const Pipeline& pipeline, const Image& image,
                                   const TestTimeOptions& options, StageTimes* times) {
  const ImageSize picture{image.width, image.height};
  const std::vector<SizeRule> own{pipeline.size_rule()};
  std::vector<NetworkSize> passes;
  for (const SizeRule& rule : options.sizes.empty() ? own : options.sizes) {
    const NetworkSize size = pass_size(rule, picture, options.max_pixels);
    // Two rules can come to the same size: looking twice would only let its boxes vote twice.
    if (std::ranges::find(passes, size) == passes.end()) passes.push_back(size);
  }
  std::vector<double> scales;
  for (const NetworkSize& size : passes) {
    scales.push_back(static_cast<double>(size.scaled.width) / static_cast<double>(image.width));
  }

  const NmsConfig config = pipeline.nms_config();
  const SideRange range = good_sides(pipeline.model().config.anchors);
  const Image mirror = options.flip ? mirrored(image) : Image{};
  // Where NMS counts x2 - x1 + 1, corners are pixels, and pixel x is x' = W - 1 - x in the mirror.
  const float extent = static_cast<float>(image.width - (config.plus_one ? 1 : 0));
  std::vector<Face> candidates;
  for (std::size_t pass = 0; pass < passes.size(); ++pass) {
    const auto keep = [&](const Face& face) {
      if (options.any_size || pass_keeps(side_of(face), scales, pass, range))
        candidates.push_back(face);
    };
    for (const Face& face : pipeline.candidates(image, passes[pass], times)) keep(face);
    if (!options.flip) continue;
    for (const Face& face : pipeline.candidates(mirror, passes[pass], times))
      keep(mirrored(face, extent));
  }
  return merge_candidates(candidates, config, options.vote);
}

}  // namespace rf
