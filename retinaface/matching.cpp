#include "retinaface/matching.hpp"

#include <algorithm>
#include <cmath>
#include <queue>

#include "engine/check.hpp"

namespace rf {

namespace {

// Width or height of what two intervals share.
double shared(double low_a, double high_a, double low_b, double high_b) {
  return std::max(0.0, std::min(high_a, high_b) - std::max(low_a, low_b));
}

struct Area {
  double x1, y1, x2, y2;
  explicit Area(const Box& b)
      : x1(static_cast<double>(b.x1)),
        y1(static_cast<double>(b.y1)),
        x2(static_cast<double>(b.x2)),
        y2(static_cast<double>(b.y2)) {}
  explicit Area(const Anchor& a)
      : x1(a.x - a.size / 2), y1(a.y - a.size / 2), x2(a.x + a.size / 2), y2(a.y + a.size / 2) {}
  [[nodiscard]] bool has_area() const {
    return x2 > x1 && y2 > y1 && std::isfinite(x2 - x1) && std::isfinite(y2 - y1);
  }
  [[nodiscard]] double size() const { return (x2 - x1) * (y2 - y1); }
};

double intersection(const Area& a, const Area& b) {
  return shared(a.x1, a.x2, b.x1, b.x2) * shared(a.y1, a.y2, b.y1, b.y2);
}

double overlap(const Area& a, const Area& b) {
  const double both = intersection(a, b);
  return both / (a.size() + b.size() - both);
}

// A face and an anchor that meets it; anchor -1: none.
struct Candidate {
  double iou = 0;
  Index face = -1, anchor = -1;
  // Whether `b` comes before `a` in a priority queue.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    if (a.iou != b.iou) return a.iou < b.iou;
    if (a.face != b.face) return a.face > b.face;
    return a.anchor > b.anchor;
  }
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

}  // namespace

std::vector<Index> match_anchors(const AnchorGrid& anchors, std::span<const LabelledFace> faces,
                                 std::span<const Box> ignored, const MatchingOptions& options) {
  const auto count = static_cast<std::size_t>(anchors.count());
  std::vector<double> best_iou(count, 0.0), ignored_share(count, 0.0);
  std::vector<Index> best_face(count, kBackground), result(count, kBackground);
  // f(candidate) for every anchor that meets a face.
  const auto for_each_candidate = [&](std::size_t f, auto&& visit) {
    const Area face(faces[f].box);
    if (!face.has_area()) return;
    anchors.for_each_meeting(face.x1, face.y1, face.x2, face.y2,
                             [&](Index index, const Anchor& anchor) {
                               const double iou = overlap(face, Area(anchor));
                               if (iou > 0) visit(Candidate{iou, static_cast<Index>(f), index});
                             });
  };
  std::vector<Candidate> best(faces.size());
  for (std::size_t f = 0; f < faces.size(); ++f) {
    for_each_candidate(f, [&](const Candidate& candidate) {
      if (best[f] < candidate) best[f] = candidate;
      const auto a = static_cast<std::size_t>(candidate.anchor);
      if (candidate.iou > best_iou[a]) {
        best_iou[a] = candidate.iou;
        best_face[a] = static_cast<Index>(f);
      }
    });
  }
  for (const Box& region : ignored) {
    const Area area(region);
    if (!area.has_area()) continue;
    anchors.for_each_meeting(area.x1, area.y1, area.x2, area.y2,
                             [&](Index index, const Anchor& anchor) {
                               const Area square(anchor);
                               double& share = ignored_share[static_cast<std::size_t>(index)];
                               share = std::max(share, intersection(area, square) / square.size());
                             });
  }
  for (std::size_t a = 0; a < count; ++a) {
    if (best_iou[a] > options.positive) {
      result[a] = best_face[a];
    } else if (best_iou[a] >= options.negative || ignored_share[a] >= options.ignored) {
      result[a] = kIgnored;
    }
  }
  // Each face's best anchor. What else a face meets is looked at when another face has that.
  std::priority_queue<Candidate> queue;
  std::vector<std::vector<Candidate>> others(faces.size());  // heaps
  std::vector<bool> taken(count, false);
  for (const Candidate& candidate : best) {
    if (candidate.anchor >= 0) queue.push(candidate);
  }
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    const auto a = static_cast<std::size_t>(top.anchor), f = static_cast<std::size_t>(top.face);
    if (!taken[a]) {
      taken[a] = true;
      result[a] = top.face;
      continue;
    }
    std::vector<Candidate>& heap = others[f];
    if (top == best[f]) {
      for_each_candidate(f, [&](const Candidate& candidate) { heap.push_back(candidate); });
      std::make_heap(heap.begin(), heap.end());
    }
    while (!heap.empty() && taken[static_cast<std::size_t>(heap.front().anchor)]) {
      std::pop_heap(heap.begin(), heap.end());
      heap.pop_back();
    }
    if (!heap.empty()) queue.push(heap.front());
  }
  return result;
}

AnchorTargets make_targets(const AnchorGrid& anchors, std::span<const PictureLabels> pictures,
                           const CodingConfig& coding, const MatchingOptions& options) {
  const auto images = static_cast<Index>(pictures.size());
  const Index count = anchors.count();
  AnchorTargets targets{.label = Tensor::zeros({images, count}, DType::i64),
                        .box = Tensor::zeros({images, count, 4}),
                        .landmark = Tensor::zeros({images, count, 10}),
                        .has_landmark = Tensor::zeros({images, count}, DType::i64)};
  std::int64_t* label = targets.label.data<std::int64_t>();
  std::int64_t* has_landmark = targets.has_landmark.data<std::int64_t>();
  float *box = targets.box.data<float>(), *landmark = targets.landmark.data<float>();
  for (Index n = 0; n < images; ++n) {
    const PictureLabels& picture = pictures[static_cast<std::size_t>(n)];
    const std::vector<Index> matched =
        match_anchors(anchors, picture.faces, picture.ignored, options);
    for (Index a = 0; a < count; ++a) {
      const Index face = matched[static_cast<std::size_t>(a)], at = n * count + a;
      label[at] = face >= 0 ? 1 : face == kIgnored ? -1 : 0;
      if (face < 0) continue;
      const LabelledFace& wanted = picture.faces[static_cast<std::size_t>(face)];
      std::ranges::copy(encode_box(anchors[a], wanted.box, coding), box + at * 4);
      if (!wanted.landmarks) continue;
      has_landmark[at] = 1;
      std::ranges::copy(encode_landmarks(anchors[a], *wanted.landmarks, coding),
                        landmark + at * 10);
    }
  }
  return targets;
}

}  // namespace rf
