#include "retinaface/dense/procedural_background.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/check.hpp"

namespace rf {

namespace {

using Colour = std::array<float, 3>;

// A picture in floats, a plane for each channel: rows of one channel are what is computed at once.
struct Field {
  ImageSize size;
  std::array<std::vector<float>, 3> planes;
  [[nodiscard]] float* row(std::size_t channel, Index y) {
    return planes[channel].data() + y * size.width;
  }
};

// One octave of value noise: random colours on a grid, blended smoothly between its corners.
class Octave {
 public:
  Octave(Index cells, float amplitude, ImageSize size, Random& random)
      : cells_(cells), across_(line(size.width, size)), down_(line(size.height, size)) {
    for (Index k = 0; k < (cells + 1) * (cells + 1); ++k) {
      const float grey = random.uniform(-1, 1);
      for (auto& corners : corners_)
        corners.push_back(amplitude * (grey + 0.4F * random.uniform(-1, 1)));
    }
  }

  void add_to(Field& field) const {
    const Index corners = cells_ + 1;
    std::vector<float> between(static_cast<std::size_t>(corners));  // of the grid, at this row
    for (Index y = 0; y < field.size.height; ++y) {
      const auto at = static_cast<std::size_t>(y);
      for (std::size_t c = 0; c < 3; ++c) {
        const float* above = corners_[c].data() + down_.cell[at] * corners;
        for (Index k = 0; k < corners; ++k)
          between[static_cast<std::size_t>(k)] =
              above[k] + down_.share[at] * (above[k + corners] - above[k]);
        add_row(between.data(), field.row(c, y));
      }
    }
  }

 private:
  // Pixels of a line: the cell that each lies in, and how much of the corner after it it shows.
  struct Line {
    std::vector<Index> cell;
    std::vector<float> share;
    std::vector<Index> first;  // of each cell's pixels, and where the last one's end
  };
  [[nodiscard]] Line line(Index pixels, ImageSize size) const {
    Line line;
    const auto scale =
        static_cast<float>(cells_) / static_cast<float>(std::max(size.width, size.height));
    for (Index i = 0; i < pixels; ++i) {
      const float at = (static_cast<float>(i) + 0.5F) * scale;
      const Index cell = std::min(static_cast<Index>(at), cells_ - 1);
      const float t = at - static_cast<float>(cell);
      while (static_cast<Index>(line.first.size()) <= cell) line.first.push_back(i);
      line.cell.push_back(cell);
      line.share.push_back(t * t * (3 - 2 * t));
    }
    line.first.push_back(pixels);
    return line;
  }

  void add_row(const float* between, float* to) const {
    for (std::size_t k = 0; k + 1 < across_.first.size(); ++k) {
      const float left = between[k], step = between[k + 1] - between[k];
      const float* share = across_.share.data();
      for (Index x = across_.first[k]; x < across_.first[k + 1]; ++x)
        to[x] += left + share[x] * step;
    }
  }

  Index cells_;
  Line across_, down_;
  std::array<std::vector<float>, 3> corners_;  // (cells + 1)^2 of each channel
};

// A rectangle or a disc of one colour, more or less opaque.
void add_shape(Field& field, Random& random) {
  const auto width = static_cast<float>(field.size.width),
             height = static_cast<float>(field.size.height);
  const bool disc = random.uniform() < 0.4F;
  const float x = width * random.uniform(), y = height * random.uniform();
  const float a = std::max(width, height) * random.uniform(0.02F, 0.25F),
              b = disc ? a : std::max(width, height) * random.uniform(0.02F, 0.4F);
  const float opacity = random.uniform(0.3F, 1);
  Colour colour{};
  for (float& c : colour) c = random.uniform(0, 255);
  const auto first = [](float low) { return static_cast<Index>(std::max(low, 0.0F)); };
  const auto end = [](float high, Index limit) {
    return std::min(static_cast<Index>(high) + 1, limit);
  };
  for (Index i = first(y - b); i < end(y + b, field.size.height); ++i) {
    for (Index j = first(x - a); j < end(x + a, field.size.width); ++j) {
      const float dx = static_cast<float>(j) - x, dy = static_cast<float>(i) - y;
      if (disc && dx * dx + dy * dy > a * a) continue;
      for (std::size_t c = 0; c < 3; ++c) {
        float& value = field.row(c, i)[j];
        value += opacity * (colour[c] - value);
      }
    }
  }
}

}  // namespace

Image procedural_background(ImageSize size, Random random) {
  RF_ASSERT(size.width >= 1 && size.height >= 1);
  Field field{.size = size, .planes = {}};
  for (std::vector<float>& plane : field.planes)
    plane.assign(static_cast<std::size_t>(size.width * size.height), random.uniform(50, 200));
  Octave(2, 50, size, random).add_to(field);
  for (std::uint32_t shapes = random.below(13); shapes > 0; --shapes) add_shape(field, random);
  Octave(5 + random.below(6), random.uniform(5, 35), size, random).add_to(field);
  Octave(15 + random.below(26), random.uniform(0, 20), size, random).add_to(field);

  Image image{.width = size.width, .height = size.height, .rgb = {}};
  image.rgb.resize(3 * field.planes[0].size());
  for (std::size_t c = 0; c < 3; ++c) {
    const std::vector<float>& plane = field.planes[c];
    for (std::size_t i = 0; i < plane.size(); ++i)
      image.rgb[3 * i + c] =
          static_cast<std::uint8_t>(std::min(std::max(plane[i] + 0.5F, 0.0F), 255.0F));
  }
  return image;
}

}  // namespace rf
