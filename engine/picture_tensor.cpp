#include "engine/picture_tensor.hpp"

#include <algorithm>
#include <array>

#include "engine/check.hpp"
#include "engine/parallel.hpp"

namespace rf {

void fill_picture_tensor(const PictureInput& picture, Tensor& out) {
  const Shape& shape = out.shape();
  RF_CHECK_SHAPE(shape.rank() == 4 && shape[0] == 1 && shape[1] == 3 &&
                     picture.height <= shape[2] && picture.width <= shape[3],
                 "picture_tensor", "a picture of ", picture.width, "x", picture.height,
                 " does not fit ", shape);
  // A table of each channel's levels: with the instructions that every processor has it takes less
  // time than computing each pixel, and has the same bits.
  std::array<std::array<float, 256>, 3> levels{};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t level = 0; level < 256; ++level)
      levels[c][level] = (static_cast<float>(level) - picture.mean[c]) * picture.scale[c];
  }
  const Index height = shape[2], width = shape[3];
  float* to = out.data<float>();
  parallel_for(height, [&](Index row) {
    for (Index c = 0; c < 3; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      float* line = to + (c * height + row) * width;
      Index j = 0;
      if (row < picture.height) {
        const std::uint8_t* from = picture.rgb + row * picture.row_bytes + picture.sample[channel];
        for (; j < picture.width; ++j) line[j] = levels[channel][from[3 * j]];
      }
      std::fill(line + j, line + width, 0.0F);
    }
  });
}

}  // namespace rf
