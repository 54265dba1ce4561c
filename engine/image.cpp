#include "engine/image.hpp"

#include <algorithm>
#include <cctype>
#include <climits>

#include "engine/check.hpp"
#include "engine/exif.hpp"
#include "engine/image_probe.hpp"
#include "engine/stb.hpp"

namespace rf {

namespace {

Image decode_pnm(std::span<const std::byte> file, const std::string& name) {
  const PnmHeader header = parse_pnm_header(file, name);
  const auto maximum = static_cast<unsigned>(header.maximum);
  const std::byte* in = file.data() + header.pixels;
  const auto next_sample = [&] {
    unsigned value = std::to_integer<unsigned>(*in++);
    if (maximum > 255) value = value << 8 | std::to_integer<unsigned>(*in++);
    if (maximum == 255) return static_cast<std::uint8_t>(value);
    if (maximum == 65535) return static_cast<std::uint8_t>(value >> 8);
    return static_cast<std::uint8_t>((std::min(value, maximum) * 255 + maximum / 2) / maximum);
  };
  Image image{header.width, header.height, {}};
  image.rgb.resize(static_cast<std::size_t>(3 * header.width * header.height));
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    if (header.channels == 1) {
      image.rgb[i] = image.rgb[i + 1] = image.rgb[i + 2] = next_sample();
    } else {
      for (std::size_t c = 0; c < 3; ++c) image.rgb[i + c] = next_sample();
    }
  }
  return image;
}

// The picture upright: `orientation` as exif_orientation gives it, 2 to 8.
Image turn_upright(const Image& stored, int orientation) {
  const bool transposed =
      orientation >= 5;  // rows of the stored picture are columns of the upright one
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  // Upright pixel (x, y) is stored at begin + x * step_x + y * step_y. from_right: along a stored
  // row against the stored order; from_bottom: along a stored column.
  const Index along_row = from_right ? -1 : 1;
  const Index along_column = from_bottom ? -stored.width : stored.width;
  const Index begin =
      (from_right ? stored.width - 1 : 0) + (from_bottom ? (stored.height - 1) * stored.width : 0);
  const Index step_x = transposed ? along_column : along_row;
  const Index step_y = transposed ? along_row : along_column;
  Image image{stored.width, stored.height, std::vector<std::uint8_t>(stored.rgb.size())};
  if (transposed) std::swap(image.width, image.height);
  std::uint8_t* out = image.rgb.data();
  for (Index y = 0; y < image.height; ++y) {
    for (Index x = 0; x < image.width; ++x, out += 3) {
      std::copy_n(stored.rgb.data() + 3 * (begin + x * step_x + y * step_y), 3, out);
    }
  }
  return image;
}

std::string lower_extension(const std::string& path) {
  const std::size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] != '.') return "";
  std::string extension = path.substr(dot);
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

std::vector<std::byte> encode_ppm(const Image& image) {
  const std::string header = message("P6\n", image.width, " ", image.height, "\n255\n");
  std::vector<std::byte> file(header.size() + image.rgb.size());
  const auto pixels = std::ranges::copy(std::as_bytes(std::span(header)), file.begin()).out;
  std::ranges::copy(std::as_bytes(std::span(image.rgb)), pixels);
  return file;
}

// What the encoders take; .ppm has no limit.
bool encodable(const Image& image, bool jpeg) {
  const Index limit = jpeg ? 65535 : INT_MAX;
  return image.width <= limit && image.height <= limit && image.width <= INT_MAX / 4 / image.height;
}

}  // namespace

// Most is held for an interlaced 16-bit PNG with transparency (8 bytes per pixel inflated into a
// buffer grown by doubling, 8 for the picture, up to 4 for a pass); small JPEGs are padded to
// blocks of 32 x 32.
Index decoder_memory(const ImageProbe& probe, Index file_bytes) {
  const Index of_pixels = checked_mul(32, checked_mul(probe.width, probe.height));
  return checked_add(checked_add(of_pixels, checked_mul(4, file_bytes)), Index{32} << 20);
}

Image decode_image(std::span<const std::byte> file, const std::string& name,
                   const DecodeOptions& options) {
  return decode_image(file, name, probe_image(file, name, options.max_pixels), options);
}

Image decode_image(std::span<const std::byte> file, const std::string& name,
                   const ImageProbe& probe, const DecodeOptions& options) {
  if (probe.format == ImageFormat::pnm) return decode_pnm(file, name);
  const auto memory =
      static_cast<std::size_t>(decoder_memory(probe, static_cast<Index>(file.size())));
  Image image = probe.palette_missing > 0 ? stb::decode(complete_palette(file, probe), name, memory)
                                          : stb::decode(file, name, memory);
  RF_ASSERT(image.width == probe.width && image.height == probe.height);
  if (probe.format == ImageFormat::jpeg && options.apply_exif) {
    const int orientation = exif_orientation(file);
    if (orientation != 1) image = turn_upright(image, orientation);
  }
  return image;
}

Image read_image(const std::string& path, const DecodeOptions& options) {
  // Read, not mapped: a picture may still be on its way while we look, and a mapped file must not
  // shrink.
  return decode_image(read_file(path, kMaxImageFileBytes), path, options);
}

void write_image(const std::string& path, const Image& image, IfExists if_exists) {
  RF_CHECK_SHAPE(image.width >= 1 && image.height >= 1, "write_image", path,
                 ": the picture is empty");
  RF_ASSERT(image.rgb.size() == static_cast<std::size_t>(3 * image.width * image.height));
  const std::string extension = lower_extension(path);
  const bool jpeg = extension == ".jpg" || extension == ".jpeg";
  if (!jpeg && extension != ".png" && extension != ".bmp" && extension != ".ppm") {
    throw UsageError(message(path, ": the name must end in .png, .jpg, .jpeg, .bmp or .ppm"));
  }
  if (extension == ".ppm") return write_file(path, encode_ppm(image), if_exists);
  if (!encodable(image, jpeg)) {
    throw UsageError(
        message(path, ": ", image.width, " x ", image.height,
                " pixels are more than this format's encoder takes; .ppm has no limit"));
  }
  write_file(path,
             jpeg                  ? encode_jpeg(image)
             : extension == ".png" ? stb::encode_png(image)
                                   : stb::encode_bmp(image),
             if_exists);
}

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  RF_CHECK_SHAPE(image.width >= 1 && image.height >= 1 && encodable(image, true), "encode_jpeg",
                 "a picture of ", image.width, " x ", image.height, " pixels");
  RF_ASSERT(image.rgb.size() == static_cast<std::size_t>(3 * image.width * image.height));
  RF_ASSERT(quality >= 1 && quality <= 100);
  return stb::encode_jpeg(image, quality);
}

}  // namespace rf
