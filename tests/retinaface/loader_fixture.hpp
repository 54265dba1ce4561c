// A data set of small pictures, each of one colour by which it is known again.
#pragma once

#include <vector>

#include "retinaface/data/loader.hpp"
#include "tests/support.hpp"

namespace rf::test {

// 40 x 40 pixels of grey `level`.
inline void write_grey(const std::string& path, int level) {
  const Image image{40, 40,
                    std::vector<std::uint8_t>(3 * 40 * 40, static_cast<std::uint8_t>(level))};
  write_image(path, image, IfExists::replace);
}

// Pictures name0.ppm, name1.ppm, ... of the levels, each with one face over all of it.
inline PictureSource grey_source(const TemporaryFolder& folder, const std::string& name,
                                 const std::vector<int>& levels) {
  PictureSource source;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const std::string path = folder.file(name + std::to_string(i) + ".ppm");
    write_grey(path, levels[i]);
    source.pictures.push_back({path, {.faces = {{{0, 0, 40, 40}, {}}}, .ignored = {}}});
  }
  return source;
}

// The level of a pixel of sample i.
inline int level_at(const Batch& batch, Index i, Index y, Index x) {
  const Index size = batch.image.shape()[2];
  const Tensor& image = batch.image;
  const float blue = image.data<float>()[(i * 3 * size + y) * size + x];
  return static_cast<int>(blue + 104.5F);  // the model's mean of blue is 104
}

// Whole pictures, unless they are mosaics: each sample is of one level.
inline BatchOptions plain_batches(Index batch, std::vector<Index> sizes) {
  BatchOptions options{.seed = 11, .batch = batch, .sizes = std::move(sizes)};
  options.augment = {.crop_min = 1, .crop_max = 1, .mirror = 0, .photometric = false};
  return options;
}

}  // namespace rf::test
