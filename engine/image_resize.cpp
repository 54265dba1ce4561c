#include "engine/image_resize.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/check.hpp"
#include "engine/parallel.hpp"

namespace rf {

namespace {

// For each output position the source positions that count, and their weights (sum 1).
struct Taps {
  std::vector<Index> first;  // of each output position
  std::vector<Index> begin;  // into weights; one more than positions
  std::vector<float> weights;
};

// Triangle of radius max(1, in / out) source pixels around the output pixel's centre. Pixel j has
// its centre at j + 0.5.
Taps triangle_taps(Index in, Index out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double radius = std::max(1.0, scale);
  Taps taps;
  taps.begin.push_back(0);
  std::vector<double> weights;
  for (Index i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const Index low = std::max<Index>(0, static_cast<Index>(std::floor(centre - radius)));
    const Index high = std::min(in, static_cast<Index>(std::ceil(centre + radius)));
    weights.clear();
    Index first = low;
    double sum = 0;
    for (Index j = low; j < high; ++j) {
      const double weight = 1 - std::abs(static_cast<double>(j) + 0.5 - centre) / radius;
      if (weight <= 0 && weights.empty()) {
        first = j + 1;
      } else if (weight > 0) {
        weights.push_back(weight);
        sum += weight;
      }
    }
    RF_ASSERT(!weights.empty());
    taps.first.push_back(first);
    for (const double weight : weights) taps.weights.push_back(static_cast<float>(weight / sum));
    taps.begin.push_back(static_cast<Index>(taps.weights.size()));
  }
  return taps;
}

// sums[i] = sum over taps of weight * source row, for one output row.
void blend_rows(const Image& image, const Taps& taps, Index y, float* sums) {
  const Index samples = 3 * image.width;
  const Index begin = taps.begin[static_cast<std::size_t>(y)];
  const Index count = taps.begin[static_cast<std::size_t>(y) + 1] - begin;
  const float* weights = taps.weights.data() + begin;
  const std::uint8_t* source = image.rgb.data() + taps.first[static_cast<std::size_t>(y)] * samples;
  // Blocks that stay in the first-level cache while all taps are added.
  constexpr Index kBlock = 2048;
  for (Index block = 0; block < samples; block += kBlock) {
    const Index end = std::min(samples, block + kBlock);
    for (Index i = block; i < end; ++i) sums[i] = weights[0] * static_cast<float>(source[i]);
    for (Index tap = 1; tap < count; ++tap) {
      const float weight = weights[tap];
      const std::uint8_t* row = source + tap * samples;
      for (Index i = block; i < end; ++i) sums[i] += weight * static_cast<float>(row[i]);
    }
  }
}

std::uint8_t rounded(float value) {
  return static_cast<std::uint8_t>(std::min(value + 0.5F, 255.0F));
}

// One output row from the blended source row.
void blend_columns(const float* sums, const Taps& taps, Index width, std::uint8_t* out) {
  for (Index x = 0; x < width; ++x, out += 3) {
    const auto at = static_cast<std::size_t>(x);
    const float* source = sums + 3 * taps.first[at];
    float red = 0, green = 0, blue = 0;
    for (Index tap = taps.begin[at]; tap < taps.begin[at + 1]; ++tap, source += 3) {
      const float weight = taps.weights[static_cast<std::size_t>(tap)];
      red += weight * source[0];
      green += weight * source[1];
      blue += weight * source[2];
    }
    out[0] = rounded(red);
    out[1] = rounded(green);
    out[2] = rounded(blue);
  }
}

}  // namespace

Image resize(const Image& image, Index width, Index height) {
  RF_CHECK_SHAPE(image.width >= 1 && image.height >= 1 && width >= 1 && height >= 1, "resize",
                 image.width, " x ", image.height, " pixels to ", width, " x ", height,
                 ": both sides of both must be at least 1");
  RF_ASSERT(image.rgb.size() == static_cast<std::size_t>(3 * image.width * image.height));
  if (width == image.width && height == image.height) return image;
  const Taps columns = triangle_taps(image.width, width),
             rows = triangle_taps(image.height, height);
  Image result{width, height, {}};
  result.rgb.resize(static_cast<std::size_t>(checked_mul(checked_mul(3, width), height)));
  // Columns first: it is the pass that reads the most, and its loop over a row is what compilers
  // vectorise best.
  const auto scratch_bytes = sizeof(float) * static_cast<std::size_t>(3 * image.width);
  constexpr Index kRowsPerChunk = 4;
  parallel_for(ceil_div(height, kRowsPerChunk), scratch_bytes,
               [&](Index chunk, std::byte* scratch) {
                 float* sums = reinterpret_cast<float*>(scratch);
                 const Index end = std::min(height, (chunk + 1) * kRowsPerChunk);
                 for (Index y = chunk * kRowsPerChunk; y < end; ++y) {
                   blend_rows(image, rows, y, sums);
                   blend_columns(sums, columns, width, result.rgb.data() + 3 * width * y);
                 }
               });
  return result;
}

}  // namespace rf
