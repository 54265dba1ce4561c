#include "retinaface/box_coding.hpp"

#include "engine/math.hpp"

namespace rf {

Box decode_box(const Anchor& anchor, std::span<const float, 4> t, const CodingConfig& coding) {
  const double x = anchor.x + coding.centre_variance * static_cast<double>(t[0]) * anchor.size;
  const double y = anchor.y + coding.centre_variance * static_cast<double>(t[1]) * anchor.size;
  const double one = coding.plus_one ? 1 : 0;
  const double half_w =
      (anchor.size * exp(coding.size_variance * static_cast<double>(t[2])) - one) / 2;
  const double half_h =
      (anchor.size * exp(coding.size_variance * static_cast<double>(t[3])) - one) / 2;
  return {static_cast<float>(x - half_w), static_cast<float>(y - half_h),
          static_cast<float>(x + half_w), static_cast<float>(y + half_h)};
}

std::array<Point, 5> decode_landmarks(const Anchor& anchor, std::span<const float, 10> t,
                                      const CodingConfig& coding) {
  std::array<Point, 5> points{};
  const double unit = coding.centre_variance * anchor.size;
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = {static_cast<float>(anchor.x + unit * static_cast<double>(t[2 * i])),
                 static_cast<float>(anchor.y + unit * static_cast<double>(t[2 * i + 1]))};
  }
  return points;
}

std::array<float, 4> encode_box(const Anchor& anchor, const Box& box, const CodingConfig& coding) {
  const auto x1 = static_cast<double>(box.x1), y1 = static_cast<double>(box.y1);
  const auto x2 = static_cast<double>(box.x2), y2 = static_cast<double>(box.y2);
  const double unit = coding.centre_variance * anchor.size, one = coding.plus_one ? 1 : 0;
  return {static_cast<float>(((x1 + x2) / 2 - anchor.x) / unit),
          static_cast<float>(((y1 + y2) / 2 - anchor.y) / unit),
          static_cast<float>(log((x2 - x1 + one) / anchor.size) / coding.size_variance),
          static_cast<float>(log((y2 - y1 + one) / anchor.size) / coding.size_variance)};
}

std::array<float, 10> encode_landmarks(const Anchor& anchor, const std::array<Point, 5>& points,
                                       const CodingConfig& coding) {
  std::array<float, 10> t{};
  const double unit = coding.centre_variance * anchor.size;
  for (std::size_t i = 0; i < points.size(); ++i) {
    t[2 * i] = static_cast<float>((static_cast<double>(points[i].x) - anchor.x) / unit);
    t[2 * i + 1] = static_cast<float>((static_cast<double>(points[i].y) - anchor.y) / unit);
  }
  return t;
}

}  // namespace rf
