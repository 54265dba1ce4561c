#include "retinaface/data/augment.hpp"

#include <algorithm>
#include <cmath>

#include "engine/check.hpp"
#include "engine/image_resize.hpp"

namespace rf {

namespace {

struct Span {
  double begin, end;
  [[nodiscard]] double length() const { return end - begin; }
};
Span intersect(const Span& a, const Span& b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

bool holds_centre(const Crop& crop, const Box& box) {
  const double x = (static_cast<double>(box.x1) + static_cast<double>(box.x2)) / 2,
               y = (static_cast<double>(box.y1) + static_cast<double>(box.y2)) / 2;
  const double left = static_cast<double>(crop.x), top = static_cast<double>(crop.y);
  const double side = static_cast<double>(crop.side);
  return x >= left && x < left + side && y >= top && y < top + side;
}

bool holds_any_centre(const Crop& crop, const PictureLabels& labels) {
  return std::any_of(labels.faces.begin(), labels.faces.end(),
                     [&](const LabelledFace& face) { return holds_centre(crop, face.box); });
}

// From pixels of the picture to pixels of the network's picture.
class CropMap {
 public:
  CropMap(const Crop& crop, ImageSize picture, Index size)
      : crop_(crop), scale_(static_cast<double>(size) / static_cast<double>(crop.side)) {
    const auto visible = [&](Index begin, Index length) {
      return intersect({0, static_cast<double>(crop.side)},
                       {static_cast<double>(-begin), static_cast<double>(length - begin)});
    };
    columns_ = visible(crop.x, picture.width);
    rows_ = visible(crop.y, picture.height);
  }

  // What is visible of the box, which may be nothing.
  [[nodiscard]] Box visible(const Box& box) const {
    const double x = static_cast<double>(crop_.x), y = static_cast<double>(crop_.y);
    const Span across =
        intersect({static_cast<double>(box.x1) - x, static_cast<double>(box.x2) - x}, columns_);
    const Span down =
        intersect({static_cast<double>(box.y1) - y, static_cast<double>(box.y2) - y}, rows_);
    if (across.length() <= 0 || down.length() <= 0) return {0, 0, 0, 0};
    const double side = static_cast<double>(crop_.side);
    const Span turned = crop_.mirrored ? Span{side - across.end, side - across.begin} : across;
    return {scaled(turned.begin), scaled(down.begin), scaled(turned.end), scaled(down.end)};
  }

  [[nodiscard]] bool holds(const Point& point) const {
    const double x = static_cast<double>(point.x) - static_cast<double>(crop_.x),
                 y = static_cast<double>(point.y) - static_cast<double>(crop_.y);
    return x >= columns_.begin && x < columns_.end && y >= rows_.begin && y < rows_.end;
  }

  [[nodiscard]] std::array<Point, 5> mapped(const std::array<Point, 5>& points) const {
    constexpr std::array<std::size_t, 5> kMirrored = {1, 0, 2, 4, 3};  // the eyes, the mouth
    std::array<Point, 5> out;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double x = static_cast<double>(points[i].x) - static_cast<double>(crop_.x);
      const double y = static_cast<double>(points[i].y) - static_cast<double>(crop_.y);
      if (crop_.mirrored) {
        out[kMirrored[i]] = {scaled(static_cast<double>(crop_.side) - x), scaled(y)};
      } else {
        out[i] = {scaled(x), scaled(y)};
      }
    }
    return out;
  }

 private:
  [[nodiscard]] float scaled(double value) const { return static_cast<float>(value * scale_); }

  Crop crop_;
  double scale_;
  Span columns_{}, rows_{};
};

float area(const Box& box) { return (box.x2 - box.x1) * (box.y2 - box.y1); }

// The pixels of a crop; outside of the picture, `fill`.
Image cut(const Image& image, const Crop& crop, const std::array<std::uint8_t, 3>& fill) {
  Image out{crop.side, crop.side,
            std::vector<std::uint8_t>(static_cast<std::size_t>(3 * crop.side * crop.side))};
  const Index left = std::clamp<Index>(-crop.x, 0, crop.side);
  const Index right = std::clamp<Index>(image.width - crop.x, left, crop.side);
  for (Index y = 0; y < crop.side; ++y) {
    std::uint8_t* to = out.rgb.data() + 3 * y * crop.side;
    const Index row = crop.y + y;
    const bool inside = row >= 0 && row < image.height;
    const auto paint = [&](Index begin, Index end) {
      for (Index x = begin; x < end; ++x) std::copy(fill.begin(), fill.end(), to + 3 * x);
    };
    paint(0, inside ? left : crop.side);
    if (!inside) continue;
    const std::uint8_t* from = image.rgb.data() + 3 * (row * image.width + crop.x);
    std::copy(from + 3 * left, from + 3 * right, to + 3 * left);
    paint(right, crop.side);
  }
  return out;
}

// The same; but of a crop too large for memory, as of a strip of 10^8 x 1 pixels taken whole, the
// picture is shrunk first.
Image cut_within_bounds(const Image& image, const Crop& crop,
                        const std::array<std::uint8_t, 3>& fill) {
  constexpr Index kLargestSide = 10'000;  // a square picture of the most pixels that are decoded
  if (crop.side <= kLargestSide) return cut(image, crop, fill);
  const double scale = static_cast<double>(kLargestSide) / static_cast<double>(crop.side);
  const auto scaled = [&](Index length) {
    return static_cast<Index>(std::lround(static_cast<double>(length) * scale));
  };
  const Image smaller = resize(image, std::max<Index>(1, scaled(image.width)),
                               std::max<Index>(1, scaled(image.height)));
  return cut(smaller, {scaled(crop.x), scaled(crop.y), kLargestSide}, fill);
}

// The model's mean colour, as red, green, blue.
std::array<std::uint8_t, 3> mean_colour(const InputConfig& input) {
  std::array<std::uint8_t, 3> colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t from = input.order == ChannelOrder::rgb ? c : 2 - c;
    colour[c] = static_cast<std::uint8_t>(std::clamp(std::round(input.mean[from]), 0.0, 255.0));
  }
  return colour;
}

void write_planes(const Image& square, bool mirrored, const ColourMap& colours,
                  const InputConfig& input, const Planes& out) {
  const Index size = square.width;
  for (std::size_t c = 0; c < 3; ++c) {
    const std::array<float, 3>& m = colours.matrix[input.order == ChannelOrder::rgb ? c : 2 - c];
    const auto mean = static_cast<float>(input.mean[c]), scale = static_cast<float>(input.scale[c]);
    for (Index y = 0; y < size; ++y) {
      const std::uint8_t* from = square.rgb.data() + 3 * y * size;
      float* to = out.data + static_cast<Index>(c) * out.plane_stride + y * out.row_stride;
      for (Index x = 0; x < size; ++x, from += 3) {
        const float value = m[0] * static_cast<float>(from[0]) +
                            m[1] * static_cast<float>(from[1]) +
                            m[2] * static_cast<float>(from[2]) + colours.offset;
        to[x] = (std::min(std::max(value, 0.0F), 255.0F) - mean) * scale;
      }
      if (mirrored) std::reverse(to, to + size);
    }
  }
}

Crop whole_picture(ImageSize picture) {
  const Index side = std::max(picture.width, picture.height);
  return {0, 0, side};
}

using Matrix = std::array<std::array<float, 3>, 3>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix out{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 3; ++k) out[i][j] += a[i][k] * b[k][j];
    }
  }
  return out;
}

// A turn about the grey axis (1, 1, 1) by Rodrigues' formula; `t` is the tangent of half the angle.
Matrix hue_turn(float t) {
  const float cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
  const float same = (1 - cosine) / 3, cross = sine / 1.7320508F;
  return {{{cosine + same, same - cross, same + cross},
           {same + cross, cosine + same, same - cross},
           {same - cross, same + cross, cosine + same}}};
}

// Colours towards (factor < 1) or away from the grey of the same luma (ITU-R BT.601).
Matrix saturation(float factor) {
  constexpr std::array<float, 3> kLuma = {0.299F, 0.587F, 0.114F};
  Matrix out{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) out[i][j] = (1 - factor) * kLuma[j];
    out[i][i] += factor;
  }
  return out;
}

}  // namespace

Crop random_crop(ImageSize picture, const PictureLabels& labels, const AugmentOptions& options,
                 Random& random) {
  constexpr int kTries = 50;
  const double edge = static_cast<double>(std::min(picture.width, picture.height));
  // A crop larger than the picture holds all of it.
  const auto place = [&](Index length, Index side) {
    const Index room = length - side;
    const auto at =
        static_cast<Index>(random.below(static_cast<std::uint32_t>(std::abs(room) + 1)));
    return room >= 0 ? at : -at;
  };
  Crop first{};
  for (int i = 0; i < kTries; ++i) {
    const double share = options.crop_min + (options.crop_max - options.crop_min) *
                                                static_cast<double>(random.uniform());
    const Index side = std::max<Index>(1, static_cast<Index>(std::lround(share * edge)));
    const Crop crop{place(picture.width, side), place(picture.height, side), side};
    if (labels.faces.empty() || holds_any_centre(crop, labels)) return crop;
    if (i == 0) first = crop;
  }
  return first;
}

PictureLabels crop_labels(const PictureLabels& labels, ImageSize picture, const Crop& crop,
                          Index size, double min_face) {
  const CropMap map(crop, picture, size);
  const auto min_area = static_cast<float>(min_face * min_face);
  PictureLabels out;
  for (const LabelledFace& face : labels.faces) {
    const Box visible = map.visible(face.box);
    if (area(visible) <= 0) continue;
    if (!holds_centre(crop, face.box) || area(visible) < min_area) {
      out.ignored.push_back(visible);
      continue;
    }
    out.faces.push_back({visible, {}});
    if (face.landmarks && std::all_of(face.landmarks->begin(), face.landmarks->end(),
                                      [&](const Point& point) { return map.holds(point); }))
      out.faces.back().landmarks = map.mapped(*face.landmarks);
  }
  for (const Box& box : labels.ignored) {
    const Box visible = map.visible(box);
    if (area(visible) > 0) out.ignored.push_back(visible);
  }
  return out;
}

ColourMap random_colours(Random& random) {
  constexpr float kBrightness = 32, kLow = 0.5F, kHigh = 1.5F;
  constexpr float kHue = 0.15838444F;  // tan(18 degrees / 2)
  const auto half_of_the_time = [&](float low, float high, float otherwise) {
    const bool on = random.uniform() < 0.5F;
    const float value = random.uniform(low, high);
    return on ? value : otherwise;
  };
  ColourMap map;
  map.offset = half_of_the_time(-kBrightness, kBrightness, 0);
  const float contrast = half_of_the_time(kLow, kHigh, 1);
  const float colour = half_of_the_time(kLow, kHigh, 1);
  const float hue = half_of_the_time(-kHue, kHue, 0);
  map.matrix = product(saturation(colour), hue_turn(hue));
  for (auto& row : map.matrix) {
    for (float& value : row) value *= contrast;
  }
  return map;
}

PictureLabels augment(const Image& image, const PictureLabels& labels, Index size,
                      const AugmentOptions& options, const InputConfig& input, Random& random,
                      const Planes& out) {
  const ImageSize picture{image.width, image.height};
  Crop crop =
      options.whole ? whole_picture(picture) : random_crop(picture, labels, options, random);
  ColourMap colours;
  if (!options.whole) {
    crop.mirrored = static_cast<double>(random.uniform()) < options.mirror;
    if (options.photometric) colours = random_colours(random);
  }
  const Image square = resize(cut_within_bounds(image, crop, mean_colour(input)), size, size);
  write_planes(square, crop.mirrored, colours, input, out);
  return crop_labels(labels, picture, crop, size, options.min_face);
}

}  // namespace rf
