#include "retinaface/evaluation/wider_protocol.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "engine/check.hpp"
#include "engine/parallel.hpp"

namespace rf {

namespace {

// A detection once everything that depends neither on the subset nor on the IoU threshold is known.
struct Scored {
  std::size_t face = 0;       // that it overlaps most; of several the first
  double overlap = 0;         // by how much
  std::size_t threshold = 0;  // the first one (the highest) that lets its score pass
};

struct ScoreRange {
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -std::numeric_limits<double>::infinity();

  // To 0 .. 1 over all detections of the set. Where all scores are equal there is nothing to divide
  // by: all become 1.
  double normalised(double score) const {
    return highest > lowest ? (score - lowest) / (highest - lowest) : 1;
  }
};

ScoreRange score_range(std::span<const std::vector<WiderDetection>> detections) {
  ScoreRange range;
  for (const auto& image : detections) {
    for (const WiderDetection& detection : image) {
      RF_ASSERT(std::isfinite(detection.score));
      range.lowest = std::min(range.lowest, detection.score);
      range.highest = std::max(range.highest, detection.score);
    }
  }
  return range;
}

std::vector<double> score_thresholds(Index count) {
  std::vector<double> thresholds;
  for (Index t = 1; t <= count; ++t)
    thresholds.push_back(1 - static_cast<double>(t) / static_cast<double>(count));
  return thresholds;
}

// The detections of one image by falling score.
std::vector<Scored> score_image(const WiderImage& image,
                                const std::vector<WiderDetection>& detections,
                                const ScoreRange& range, const std::vector<double>& thresholds) {
  std::vector<std::size_t> order(detections.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return detections[a].score > detections[b].score;
  });
  std::vector<Scored> scored;
  scored.reserve(order.size());
  for (const std::size_t i : order) {
    Scored one;
    one.overlap = -1;
    for (std::size_t face = 0; face < image.boxes.size(); ++face) {
      const double overlap = wider_iou(detections[i].box, image.boxes[face]);
      if (overlap > one.overlap) {
        one.overlap = overlap;
        one.face = face;
      }
    }
    const double score = range.normalised(detections[i].score);
    const auto passes =
        std::partition_point(thresholds.begin(), thresholds.end(),
                             [score](double threshold) { return score < threshold; });
    one.threshold = static_cast<std::size_t>(passes - thresholds.begin());
    RF_ASSERT(one.threshold < thresholds.size());  // the last threshold is 0
    scored.push_back(one);
  }
  return scored;
}

// How many detections and faces found each threshold adds to those above it.
struct Counts {
  std::vector<Index> proposals, found;
};

void count_image(const std::vector<Scored>& scored, const std::vector<std::uint8_t>& counted,
                 double iou, std::vector<std::uint8_t>& found_before, Counts& counts) {
  found_before.assign(counted.size(), 0);
  for (const Scored& one : scored) {
    if (one.overlap >= iou) {
      if (!counted[one.face]) continue;  // an ignored face takes the detection out of the count
      if (!found_before[one.face]) ++counts.found[one.threshold];
      found_before[one.face] = 1;
    }
    ++counts.proposals[one.threshold];
  }
}

PrecisionRecall curve_of(const Counts& counts, Index faces) {
  PrecisionRecall curve;
  Index proposals = 0, found = 0;
  for (std::size_t t = 0; t < counts.proposals.size(); ++t) {
    proposals += counts.proposals[t];
    found += counts.found[t];
    curve.precision.push_back(
        proposals > 0 ? static_cast<double>(found) / static_cast<double>(proposals) : 0);
    curve.recall.push_back(faces > 0 ? static_cast<double>(found) / static_cast<double>(faces) : 0);
  }
  return curve;
}

}  // namespace

double wider_iou(const WiderBox& a, const WiderBox& b) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x) + 1;
  const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y) + 1;
  if (width <= 0 || height <= 0) return 0;
  const double intersection = width * height;
  return intersection /
         ((a.width + 1) * (a.height + 1) + (b.width + 1) * (b.height + 1) - intersection);
}

double average_precision(const PrecisionRecall& curve) {
  // From the highest recall down, so that the envelope is known; beyond the last point precision is
  // 0.
  double area = 0, envelope = 0;
  for (std::size_t i = curve.recall.size(); i-- > 0;) {
    envelope = std::max(envelope, curve.precision[i]);
    area += (curve.recall[i] - (i > 0 ? curve.recall[i - 1] : 0)) * envelope;
  }
  return area;
}

std::vector<double> coco_iou_thresholds() {
  std::vector<double> thresholds;
  for (int percent = 50; percent <= 95; percent += 5) thresholds.push_back(percent / 100.0);
  return thresholds;
}

std::vector<WiderSubsetResult> evaluate_wider(
    const WiderGroundTruth& truth, std::span<const std::vector<WiderDetection>> detections,
    const WiderOptions& options) {
  RF_ASSERT(detections.size() == truth.images.size());
  RF_ASSERT(options.thresholds > 0);
  const ScoreRange range = score_range(detections);
  const std::vector<double> thresholds = score_thresholds(options.thresholds);

  std::vector<std::vector<Scored>> scored(truth.images.size());
  for (std::size_t i = 0; i < scored.size(); ++i) scored[i].reserve(detections[i].size());
  parallel_for(static_cast<Index>(scored.size()), [&](Index chunk) {
    const std::size_t i = static_cast<std::size_t>(chunk);
    // The protocol skips images without any annotated face, whatever was detected there.
    if (!truth.images[i].boxes.empty())
      scored[i] = score_image(truth.images[i], detections[i], range, thresholds);
  });

  std::vector<WiderSubsetResult> results;
  std::vector<std::uint8_t> found_before;
  for (const WiderSubset& subset : truth.subsets) {
    RF_ASSERT(subset.counted.size() == truth.images.size());
    WiderSubsetResult result{subset.name, count_faces(subset), {}, {}};
    for (const double iou : options.iou) {
      const std::size_t count = thresholds.size();
      Counts counts{std::vector<Index>(count, 0), std::vector<Index>(count, 0)};
      for (std::size_t i = 0; i < scored.size(); ++i)
        count_image(scored[i], subset.counted[i], iou, found_before, counts);
      result.curves.push_back(curve_of(counts, result.faces));
      result.ap.push_back(average_precision(result.curves.back()));
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace rf
