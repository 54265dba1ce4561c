#include "retinaface/nms.hpp"

#include <algorithm>
#include <numeric>

#include "engine/check.hpp"
#include "retinaface/box_grid.hpp"

namespace rf {

namespace {

double area(const Box& box, double one) {
  return (static_cast<double>(box.x2) - static_cast<double>(box.x1) + one) *
         (static_cast<double>(box.y2) - static_cast<double>(box.y1) + one);
}

double iou(const Box& a, double area_a, const Box& b, double area_b, double one) {
  const double w =
      static_cast<double>(std::min(a.x2, b.x2)) - static_cast<double>(std::max(a.x1, b.x1)) + one;
  const double h =
      static_cast<double>(std::min(a.y2, b.y2)) - static_cast<double>(std::max(a.y1, b.y1)) + one;
  if (w <= 0 || h <= 0) return 0;
  const double both = area_a + area_b - w * h;
  return both > 0 ? w * h / both : 0;
}

}  // namespace

double iou(const Box& a, const Box& b, bool plus_one) {
  const double one = plus_one ? 1 : 0;
  return iou(a, area(a, one), b, area(b, one), one);
}

std::vector<Index> nms(std::span<const Box> boxes, std::span<const float> scores,
                       const NmsConfig& config) {
  RF_ASSERT(boxes.size() == scores.size());
  const double one = config.plus_one ? 1 : 0;
  std::vector<Index> order(boxes.size()), kept;
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, [&](Index a, Index b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  std::vector<double> areas(boxes.size());
  for (std::size_t i = 0; i < boxes.size(); ++i) areas[i] = area(boxes[i], one);
  BoxGrid grid(boxes, config.iou, config.plus_one);  // of those that stay
  for (const Index candidate : order) {
    const auto c = static_cast<std::size_t>(candidate);
    const bool goes = grid.any_near(boxes[c], [&](Index index) {
      const auto k = static_cast<std::size_t>(index);
      return iou(boxes[k], areas[k], boxes[c], areas[c], one) > config.iou;
    });
    if (goes) continue;
    kept.push_back(candidate);
    grid.add(boxes[c], candidate);
  }
  return kept;
}

std::vector<Index> nms(std::span<const Face> faces, const NmsConfig& config) {
  std::vector<Box> boxes;
  std::vector<float> scores;
  for (const Face& face : faces) {
    boxes.push_back(face_box(face));
    scores.push_back(face.score);
  }
  return nms(boxes, scores, config);
}

}  // namespace rf
