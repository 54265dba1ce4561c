#include "retinaface/dense/float_picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "engine/check.hpp"
#include "engine/math.hpp"

namespace rf {

namespace {

constexpr std::uint32_t kNumbers = 1U << 16;
constexpr std::uint32_t kTableStream = 0xFFFFFFFF;  // of the purpose; pictures count upwards

// weights[d] of the pixels d to either side.
std::vector<float> gaussian(double deviation) {
  std::vector<double> weights;
  double sum = 0;
  for (int d = 0; d <= static_cast<int>(std::ceil(3 * deviation)); ++d) {
    weights.push_back(exp(-0.5 * d * d / (deviation * deviation)));
    sum += weights.back() * (d == 0 ? 1 : 2);
  }
  std::vector<float> normalised;
  for (const double weight : weights) normalised.push_back(static_cast<float>(weight / sum));
  return normalised;
}

// out[i] = sum_d weights[d] (in[i - d step] + in[i + d step]), the middle once.
void add_taps(const float* in, Index step, const std::vector<float>& weights, Index count,
              float* out) {
  for (Index i = 0; i < count; ++i) out[i] = weights[0] * in[i];
  for (std::size_t d = 1; d < weights.size(); ++d) {
    const float* before = in - static_cast<Index>(d) * step;
    const float* after = in + static_cast<Index>(d) * step;
    for (Index i = 0; i < count; ++i) out[i] += weights[d] * (before[i] + after[i]);
  }
}

// A rendered mesh, pixel by pixel.
struct Drawn {
  const float* colour;
  const Index* triangle;
  Index side;
  explicit Drawn(const RenderedMeshes& meshes)
      : colour(std::as_const(meshes.colour.value()).data<float>()),
        triangle(meshes.triangle.data<Index>()),
        side(meshes.triangle.shape()[1]) {
    RF_ASSERT(meshes.triangle.shape()[0] == 1);
  }
  [[nodiscard]] bool covers(Index row, Index column) const {
    return row >= 0 && row < side && column >= 0 && column < side &&
           triangle[row * side + column] >= 0;
  }
};

// The share of a pixel that a mesh covers, and the colour that it adds to it.
struct Layer {
  float share = 0;
  std::array<float, 3> colour{};
  void add(float weight, const float* from) {
    share += weight;
    for (std::size_t c = 0; c < 3; ++c) colour[c] += weight * std::min(from[c], 1.0F);
  }
};

// The mean of samples x samples drawn pixels.
Layer mean_layer(const Drawn& drawn, Index samples, Index row, Index column) {
  const auto weight = static_cast<float>(1 / static_cast<double>(samples * samples));
  Layer layer;
  for (Index i = row * samples; i < (row + 1) * samples; ++i) {
    for (Index j = column * samples; j < (column + 1) * samples; ++j) {
      const Index at = i * drawn.side + j;
      if (drawn.triangle[at] >= 0) layer.add(weight, drawn.colour + 3 * at);
    }
  }
  return layer;
}

// A drawn pixel as it is, but for those at an outline: there the neighbours count too, by a tent.
Layer smooth_layer(const Drawn& drawn, Index row, Index column) {
  int covered = 0;
  for (Index i = row - 1; i <= row + 1; ++i) {
    for (Index j = column - 1; j <= column + 1; ++j) covered += drawn.covers(i, j) ? 1 : 0;
  }
  Layer layer;
  if (covered == 9) layer.add(1, drawn.colour + 3 * (row * drawn.side + column));
  if (covered == 0 || covered == 9) return layer;
  for (Index i = row - 1; i <= row + 1; ++i) {
    for (Index j = column - 1; j <= column + 1; ++j) {
      const float weight = (i == row ? 0.5F : 0.25F) * (j == column ? 0.5F : 0.25F);
      if (drawn.covers(i, j)) layer.add(weight, drawn.colour + 3 * (i * drawn.side + j));
    }
  }
  return layer;
}

}  // namespace

NoiseTable::NoiseTable(std::uint64_t seed) {
  Random random(seed, RandomPurpose::synthetic, kTableStream);
  numbers_.reserve(kNumbers + kLongest);
  for (std::uint32_t i = 0; i < kNumbers; ++i) numbers_.push_back(random.normal());
  for (std::size_t i = 0; i < static_cast<std::size_t>(kLongest); ++i)
    numbers_.push_back(numbers_[i]);
}

const float* NoiseTable::piece(Random& random) const {
  return numbers_.data() + random.below(kNumbers);
}

FloatPicture::FloatPicture(const Image& image)
    : width_(image.width), height_(image.height), rgb_(image.rgb.begin(), image.rgb.end()) {}

void FloatPicture::lay_over(const RenderedMeshes& meshes, Index samples, Index x, Index y) {
  const Drawn drawn(meshes);
  const Index side = drawn.side / samples, reach = samples == 1 ? 1 : 0;
  RF_ASSERT(side * samples == drawn.side);
  for (Index i = std::max(-reach, -y); i < std::min(side + reach, height_ - y); ++i) {
    for (Index j = std::max(-reach, -x); j < std::min(side + reach, width_ - x); ++j) {
      const Layer layer =
          samples == 1 ? smooth_layer(drawn, i, j) : mean_layer(drawn, samples, i, j);
      if (layer.share == 0) continue;
      float* to = rgb_.data() + 3 * ((y + i) * width_ + x + j);
      for (std::size_t c = 0; c < 3; ++c) to[c] = (1 - layer.share) * to[c] + 255 * layer.colour[c];
    }
  }
}

void FloatPicture::blur(double deviation) {
  if (deviation <= 0) return;
  const std::vector<float> weights = gaussian(deviation);
  const Index reach = static_cast<Index>(weights.size()) - 1, row = 3 * width_;
  // The picture blurred along its rows, with `reach` rows more above and below.
  std::vector<float> padded(static_cast<std::size_t>(row + 6 * reach)),
      along(static_cast<std::size_t>((height_ + 2 * reach) * row));
  for (Index i = -reach; i < height_ + reach; ++i) {
    const float* in = rgb_.data() + std::clamp<Index>(i, 0, height_ - 1) * row;
    for (Index j = 0; j < 3 * reach; ++j) {
      padded[static_cast<std::size_t>(j)] = in[j % 3];
      padded[static_cast<std::size_t>(3 * reach + row + j)] = in[row - 3 + j % 3];
    }
    std::copy_n(in, row, padded.begin() + 3 * reach);
    add_taps(padded.data() + 3 * reach, 3, weights, row, along.data() + (i + reach) * row);
  }
  for (Index i = 0; i < height_; ++i)
    add_taps(along.data() + (i + reach) * row, row, weights, row, rgb_.data() + i * row);
}

void FloatPicture::change(const Tone& tone, const NoiseTable& noise, Random& random) {
  RF_ASSERT(3 * width_ <= NoiseTable::kLongest);
  const float shift = 128 - 128 * tone.gain + tone.offset;
  for (Index i = 0; i < height_; ++i) {
    float* row = rgb_.data() + i * 3 * width_;
    const float* numbers = noise.piece(random);
    for (Index j = 0; j < 3 * width_; ++j)
      row[j] = tone.gain * row[j] + shift + tone.noise * numbers[j];
  }
}

Image FloatPicture::image() const {
  Image image{.width = width_, .height = height_, .rgb = {}};
  image.rgb.resize(rgb_.size());
  std::transform(rgb_.begin(), rgb_.end(), image.rgb.begin(), [](float value) {
    return static_cast<std::uint8_t>(std::min(std::max(value + 0.5F, 0.0F), 255.0F));
  });
  return image;
}

}  // namespace rf
