#include "retinaface/align.hpp"

#include <algorithm>
#include <cmath>
#include <complex>

#include "engine/check.hpp"
#include "engine/parallel.hpp"

namespace rf {

namespace {

using Complex = std::complex<double>;

Complex to_complex(Point p) { return {static_cast<double>(p.x), static_cast<double>(p.y)}; }

void check_picture(const Image& image, const char* op) {
  RF_CHECK_SHAPE(image.width >= 1 && image.height >= 1, op, "the picture is empty (", image.width,
                 " x ", image.height, ")");
  RF_ASSERT(image.rgb.size() == static_cast<std::size_t>(3 * image.width * image.height));
}

// Adds the colour at (x, y), between pixel centres, to sum[3].
void add_bilinear(const Image& image, double x, double y, double* sum) {
  x -= 0.5;  // pixel i has its centre at i + 0.5
  y -= 0.5;
  const double left = std::floor(x), top = std::floor(y);
  if (!(left >= -1 && left < static_cast<double>(image.width) && top >= -1 &&
        top < static_cast<double>(image.height))) {
    return;
  }
  const double right_share = x - left, bottom_share = y - top;
  for (int dy = 0; dy < 2; ++dy) {
    const Index row = static_cast<Index>(top) + dy;
    if (row < 0 || row >= image.height) continue;
    for (int dx = 0; dx < 2; ++dx) {
      const Index column = static_cast<Index>(left) + dx;
      if (column < 0 || column >= image.width) continue;
      const double weight =
          (dx == 0 ? 1 - right_share : right_share) * (dy == 0 ? 1 - bottom_share : bottom_share);
      const std::uint8_t* pixel = image.rgb.data() + 3 * (row * image.width + column);
      for (int c = 0; c < 3; ++c) sum[c] += weight * pixel[c];
    }
  }
}

}  // namespace

std::array<Point, 5> landmark_template(Index size) {
  constexpr double kSize = 112;
  constexpr std::array<std::array<double, 2>, 5> kTemplate{{{38.2946, 51.6963},
                                                            {73.5318, 51.5014},
                                                            {56.0252, 71.7366},
                                                            {41.5493, 92.3655},
                                                            {70.7299, 92.2041}}};
  std::array<Point, 5> points{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double scale = static_cast<double>(size) / kSize;
    points[i] = {static_cast<float>(kTemplate[i][0] * scale),
                 static_cast<float>(kTemplate[i][1] * scale)};
  }
  return points;
}

Similarity fit_similarity(const std::array<Point, 5>& from, const std::array<Point, 5>& to) {
  Complex from_mean = 0, to_mean = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    from_mean += to_complex(from[i]) / 5.0;
    to_mean += to_complex(to[i]) / 5.0;
  }
  // With points as complex numbers a similarity is q = m p + t; m = sum conj(p) q / sum |p|^2 about
  // the means.
  Complex product = 0;
  double spread = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const Complex p = to_complex(from[i]) - from_mean, q = to_complex(to[i]) - to_mean;
    product += std::conj(p) * q;
    spread += std::norm(p);
  }
  const Complex m = product / spread, t = to_mean - m * from_mean;
  RF_CHECK_SHAPE(std::isfinite(m.real()) && std::isfinite(m.imag()) && std::isfinite(t.real()) &&
                     std::isfinite(t.imag()) && spread > 1e-12 * std::norm(from_mean) &&
                     std::norm(m) > 0,
                 "fit_similarity", "no similarity takes the landmarks ", from[0].x, ",", from[0].y,
                 " ", from[1].x, ",", from[1].y, " ", from[2].x, ",", from[2].y, " ", from[3].x,
                 ",", from[3].y, " ", from[4].x, ",", from[4].y,
                 " to a face: they lie on one point, are mirrored or are not finite");
  return {m.real(), m.imag(), t.real(), t.imag()};
}

Image align_face(const Image& image, const Face& face, Index size) {
  check_picture(image, "align_face");
  RF_CHECK_SHAPE(size >= 1 && size <= 4096, "align_face", "a crop of ", size,
                 " pixels: 1 to 4096 are possible");
  const Similarity there = fit_similarity(face.landmarks, landmark_template(size));
  // Back from the crop into the picture: (u, v) -> (a u - b v, b u + a v) after the shift is taken
  // off.
  const double norm = there.a * there.a + there.b * there.b, a = there.a / norm,
               b = -there.b / norm;
  // Samples per pixel and axis, so that they lie at most one pixel of the picture apart; at most
  // 8192 across the crop, which bounds the work (only a face over 8192 pixels wide has more
  // pixels).
  const double most = std::floor(8192 / static_cast<double>(size));
  const double wanted = std::ceil(std::hypot(a, b) - 1e-6);
  const auto samples = static_cast<Index>(std::clamp(wanted, 1.0, most));
  const auto per_axis = static_cast<double>(samples);
  Image crop{size, size, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * size * size))};
  parallel_for(size, [&](Index v) {
    std::uint8_t* out = crop.rgb.data() + 3 * size * v;
    for (Index u = 0; u < size; ++u, out += 3) {
      double sum[3] = {0, 0, 0};
      for (Index j = 0; j < samples; ++j) {
        for (Index i = 0; i < samples; ++i) {
          const double x =
              static_cast<double>(u) + (static_cast<double>(i) + 0.5) / per_axis - there.tx;
          const double y =
              static_cast<double>(v) + (static_cast<double>(j) + 0.5) / per_axis - there.ty;
          add_bilinear(image, a * x - b * y, b * x + a * y, sum);
        }
      }
      for (int c = 0; c < 3; ++c) {
        out[c] = static_cast<std::uint8_t>(std::min(sum[c] / (per_axis * per_axis) + 0.5, 255.0));
      }
    }
  });
  return crop;
}

Image crop_face(const Image& image, const Face& face, double margin) {
  check_picture(image, "crop_face");
  const auto near = [](float v) { return std::clamp(static_cast<double>(v), -1e9, 1e9); };
  const double x1 = near(face.x1), y1 = near(face.y1), x2 = near(face.x2), y2 = near(face.y2);
  const double wider = margin * (x2 - x1), higher = margin * (y2 - y1);
  struct Range {
    Index begin, end;
  };
  // Whole pixels of [low, high] inside [0, size), at least one; a bound that is not a number
  // becomes 0.
  const auto pixels = [](double low, double high, Index size) {
    const auto inside = [](double value, double top) {
      return value > 0 ? std::min(value, top) : 0.0;
    };
    const auto begin = static_cast<Index>(inside(std::floor(low), static_cast<double>(size - 1)));
    const auto end = static_cast<Index>(inside(std::ceil(high), static_cast<double>(size)));
    return Range{begin, std::max(begin + 1, end)};
  };
  const Range x = pixels(x1 - wider, x2 + wider, image.width);
  const Range y = pixels(y1 - higher, y2 + higher, image.height);
  Image crop{x.end - x.begin, y.end - y.begin, {}};
  crop.rgb.reserve(static_cast<std::size_t>(3 * crop.width * crop.height));
  for (Index row = y.begin; row < y.end; ++row) {
    const auto begin = image.rgb.begin() + 3 * (row * image.width + x.begin);
    crop.rgb.insert(crop.rgb.end(), begin, begin + 3 * crop.width);
  }
  return crop;
}

}  // namespace rf
