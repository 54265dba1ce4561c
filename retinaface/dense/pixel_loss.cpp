#include "retinaface/dense/pixel_loss.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

namespace {

// Which samples a pixel of the crop averages along one axis: [first, first + weights.size()).
struct Span {
  Index first = 0;
  std::vector<float> weights;  // their sum is 1, or none: outside
};

Span span_of(double begin, double end, Index samples) {
  if (end - begin < 1) {  // as wide as a sample at least
    const double middle = (begin + end) / 2;
    begin = middle - 0.5;
    end = middle + 0.5;
  }
  const double low = std::clamp(begin, 0.0, static_cast<double>(samples)),
               high = std::clamp(end, 0.0, static_cast<double>(samples));
  Span span;
  if (high - low < 0.5 * (end - begin)) return span;
  span.first = static_cast<Index>(std::floor(low));
  for (Index i = span.first; static_cast<double>(i) < high; ++i) {
    const double share =
        std::min(high, static_cast<double>(i + 1)) - std::max(low, static_cast<double>(i));
    span.weights.push_back(static_cast<float>(share / (high - low)));
  }
  return span;
}

std::vector<Span> spans_of(double begin, double side, Index size, Index samples) {
  std::vector<Span> spans;
  const double step = side / static_cast<double>(size);
  for (Index i = 0; i < size; ++i)
    spans.push_back(span_of(begin + step * static_cast<double>(i),
                            begin + step * static_cast<double>(i + 1), samples));
  return spans;
}

}  // namespace

SquarePixels square_pixels(const Image& picture, const SquareCrop& square, Index size) {
  RF_CHECK_SHAPE(picture.width > 0 && picture.height > 0 && size > 0, "square_pixels",
                 "a picture of ", picture.width, "x", picture.height, " to ", size, " pixels");
  RF_CHECK_SHAPE(std::isfinite(square.x) && std::isfinite(square.y) && square.side > 0 &&
                     std::isfinite(square.side),
                 "square_pixels", "a square at ", square.x, ", ", square.y, " of ", square.side);
  const std::vector<Span> columns = spans_of(square.x, square.side, size, picture.width),
                          rows = spans_of(square.y, square.side, size, picture.height);
  SquarePixels pixels{.rgb = Tensor::zeros({size, size, 3}),
                      .inside = Tensor::zeros({size, size, 1})};
  for (Index i = 0; i < size; ++i) {
    const Span& row = rows[static_cast<std::size_t>(i)];
    for (Index j = 0; j < size; ++j) {
      const Span& column = columns[static_cast<std::size_t>(j)];
      if (row.weights.empty() || column.weights.empty()) continue;
      float* to = pixels.rgb.data<float>() + 3 * (i * size + j);
      for (std::size_t y = 0; y < row.weights.size(); ++y) {
        const Index line = (row.first + static_cast<Index>(y)) * picture.width + column.first;
        const std::uint8_t* from = picture.rgb.data() + 3 * line;
        for (const float weight : column.weights) {
          for (std::size_t c = 0; c < 3; ++c)
            to[c] += row.weights[y] * weight * static_cast<float>(*from++) / 255.0F;
        }
      }
      pixels.inside.data<float>()[i * size + j] = 1;
    }
  }
  return pixels;
}

ag::Var pixel_loss(const RenderedMeshes& rendered, const Tensor& crops, const Tensor& inside) {
  const Shape& s = rendered.colour.shape();
  const Shape single{s[0], s[1], s[2], 1};
  RF_CHECK_SHAPE(crops.shape() == s && inside.shape() == single, "pixel_loss", "crops ",
                 crops.shape(), " and ", inside.shape(), " must be ", s, " and ", single);
  Tensor weights = Tensor::zeros(single);
  const Index faces = s[0], pixels = s[1] * s[2];
  for (Index n = 0; n < faces; ++n) {
    const Index* triangle = rendered.triangle.data<Index>() + n * pixels;
    const float* counts = inside.data<float>() + n * pixels;
    float* weight = weights.data<float>() + n * pixels;
    Index covered = 0;
    for (Index p = 0; p < pixels; ++p) covered += triangle[p] >= 0 && counts[p] > 0 ? 1 : 0;
    const double each = 1 / static_cast<double>(3 * std::max<Index>(covered, 1) * faces);
    for (Index p = 0; p < pixels; ++p) {
      if (triangle[p] >= 0 && counts[p] > 0) weight[p] = static_cast<float>(each);
    }
  }
  return ag::sum(ag::multiply(ag::l1(rendered.colour, ag::Var(crops)), ag::Var(weights)));
}

}  // namespace rf
