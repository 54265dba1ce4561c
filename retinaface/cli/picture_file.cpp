#include "retinaface/cli/picture_file.hpp"

#include <algorithm>

#include "engine/file.hpp"

namespace rf::cli {

PictureFile open_picture(const std::string& path, const DecodeOptions& options) {
  PictureFile file{.path = path, .bytes = read_file(path, kMaxImageFileBytes)};
  file.probe = probe_image(file.bytes, path, options.max_pixels);
  return file;
}

Index picture_memory(const PictureFile& file, ImageSize canvas) {
  // Of what the network sees: 12 bytes of input for each pixel, 13 to 20 of values between layers.
  constexpr Index kNetworkBytes = 32;
  const ImageSize stored = file.stored_size();
  const Index decoded = checked_mul(3, checked_mul(stored.width, stored.height));
  const Index network = checked_mul(kNetworkBytes, checked_mul(canvas.width, canvas.height));
  const auto file_bytes = static_cast<Index>(file.bytes.size());
  return std::max(
      checked_add(checked_add(decoder_memory(file.probe, file_bytes), decoded), file_bytes),
      checked_add(decoded, network));
}

}  // namespace rf::cli
