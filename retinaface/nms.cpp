#include "retinaface/nms.hpp"

#include <algorithm>
#include <numeric>

#include "engine/check.hpp"

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
  std::vector<Box> kept_boxes;
  std::vector<double> kept_areas;
  for (const Index candidate : order) {
    const Box& box = boxes[static_cast<std::size_t>(candidate)];
    const double box_area = area(box, one);
    bool stays = true;
    for (std::size_t k = 0; k < kept_boxes.size() && stays; ++k) {
      stays = iou(kept_boxes[k], kept_areas[k], box, box_area, one) <= config.iou;
    }
    if (!stays) continue;
    kept.push_back(candidate);
    kept_boxes.push_back(box);
    kept_areas.push_back(box_area);
  }
  return kept;
}

}  // namespace rf
