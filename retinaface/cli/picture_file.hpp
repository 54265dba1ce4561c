// A picture file that has been read and looked at, but not decoded: how much memory it will take is
// known before it takes it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/image.hpp"
#include "retinaface/size_rule.hpp"

namespace rf::cli {

struct PictureFile {
  std::string path;
  std::vector<std::byte> bytes;
  ImageProbe probe{};

  [[nodiscard]] ImageSize stored_size() const { return {probe.width, probe.height}; }
  [[nodiscard]] Image decode(const DecodeOptions& options) const {
    return decode_image(bytes, path, probe, options);
  }
};

// Throws what read_image throws before it decodes.
[[nodiscard]] PictureFile open_picture(const std::string& path, const DecodeOptions& options);

// The most bytes that it takes to decode the picture and then to find its faces, where the network
// sees `canvas`. The decoder's part is a bound, the network's an estimate for the light model.
[[nodiscard]] Index picture_memory(const PictureFile& file, ImageSize canvas);

}  // namespace rf::cli
