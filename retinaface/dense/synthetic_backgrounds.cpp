#include "retinaface/dense/synthetic_backgrounds.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/image_resize.hpp"
#include "retinaface/data/dataset.hpp"
#include "retinaface/data/labels.hpp"
#include "retinaface/data/picture_cache.hpp"
#include "retinaface/dense/procedural_background.hpp"

namespace rf {

namespace {

constexpr int kPictures = 8, kCrops = 12;  // that are tried
constexpr double kSmallest = 0.5;          // of the wanted size: enlarged by 2 at most

std::vector<TrainingPicture> chosen_pictures(const DataSource& source, Index most) {
  Labels labels = read_labels(source.label_file, source.ignore_file);
  const auto all = static_cast<Index>(labels.pictures.size());
  const Index count = most == 0 ? all : std::min(most, all);
  std::vector<TrainingPicture> chosen;
  for (Index i = 0; i < count; ++i) {
    LabelledPicture& picture = labels.pictures[static_cast<std::size_t>(i * all / count)];
    const std::filesystem::path path = std::filesystem::path(source.picture_folder) / picture.path;
    chosen.push_back({path.string(), std::move(picture.labels)});
  }
  return chosen;
}

bool touches(const BackgroundCrop& crop, const Box& box) {
  const auto x = static_cast<float>(crop.x - 1), y = static_cast<float>(crop.y - 1),
             width = static_cast<float>(crop.width + 2),
             height = static_cast<float>(crop.height + 2);
  return box.x1 < x + width && box.x2 > x && box.y1 < y + height && box.y2 > y;
}

bool is_free(const BackgroundCrop& crop, const PictureLabels& labels) {
  const auto in_crop = [&](const Box& box) { return touches(crop, box); };
  return std::none_of(labels.ignored.begin(), labels.ignored.end(), in_crop) &&
         std::none_of(labels.faces.begin(), labels.faces.end(),
                      [&](const LabelledFace& face) { return in_crop(face.box); });
}

Image cut(const Image& image, const BackgroundCrop& crop) {
  Image piece{.width = crop.width, .height = crop.height, .rgb = {}};
  piece.rgb.reserve(static_cast<std::size_t>(3 * crop.width * crop.height));
  for (Index i = 0; i < crop.height; ++i) {
    const auto row = image.rgb.begin() + 3 * ((crop.y + i) * image.width + crop.x);
    piece.rgb.insert(piece.rgb.end(), row, row + 3 * crop.width);
  }
  return piece;
}

void mirror(Image& image) {
  for (Index i = 0; i < image.height; ++i) {
    std::uint8_t* row = image.rgb.data() + 3 * i * image.width;
    for (Index a = 0, b = image.width - 1; a < b; ++a, --b)
      std::swap_ranges(row + 3 * a, row + 3 * a + 3, row + 3 * b);
  }
}

}  // namespace

struct SyntheticBackgrounds::Photographs {
  Dataset data;
  mutable PictureCache cache;
  Photographs(std::vector<TrainingPicture> pictures, Index cached_bytes)
      : data({PictureSource{.pictures = std::move(pictures)}}), cache(data, cached_bytes) {}

  // Nothing if the picture cannot be read, which errors() of the cache then tells.
  [[nodiscard]] std::shared_ptr<const Image> picture(Index number) const {
    try {
      return cache.get(number);
    } catch (const Error&) {
      return nullptr;
    }
  }
};

SyntheticBackgrounds::SyntheticBackgrounds(const DataSource& source,
                                           const BackgroundOptions& options) {
  if (options.most_pictures < 0 || options.cached_bytes < 0) {
    throw UsageError(message("backgrounds: ", options.most_pictures, " pictures, ",
                             options.cached_bytes, " bytes: neither may be negative"));
  }
  photographs_ = std::make_shared<const Photographs>(chosen_pictures(source, options.most_pictures),
                                                     options.cached_bytes);
}

Index SyntheticBackgrounds::pictures() const {
  return photographs_ ? photographs_->data.pictures() : 0;
}

std::map<std::string, std::string> SyntheticBackgrounds::errors() const {
  return photographs_ ? photographs_->cache.errors() : std::map<std::string, std::string>();
}

std::optional<BackgroundCrop> free_crop(ImageSize picture, const PictureLabels& labels,
                                        ImageSize wanted, Random& random) {
  const auto ratio = [](Index a, Index b) {
    return static_cast<double>(a) / static_cast<double>(b);
  };
  const double largest =
      std::min(ratio(picture.width, wanted.width), ratio(picture.height, wanted.height));
  if (largest < kSmallest) return std::nullopt;
  const auto place = [&](Index room) {
    return static_cast<Index>(random.below(static_cast<std::uint32_t>(room + 1)));
  };
  for (int attempt = 0; attempt < kCrops; ++attempt) {
    const double scale = kSmallest + (largest - kSmallest) * static_cast<double>(random.uniform());
    const auto scaled = [&](Index side, Index limit) {
      const auto pixels = static_cast<Index>(std::ceil(static_cast<double>(side) * scale));
      return std::clamp<Index>(pixels, 1, limit);
    };
    BackgroundCrop crop{.x = 0,
                        .y = 0,
                        .width = scaled(wanted.width, picture.width),
                        .height = scaled(wanted.height, picture.height)};
    crop.x = place(picture.width - crop.width);
    crop.y = place(picture.height - crop.height);
    if (is_free(crop, labels)) return crop;
  }
  return std::nullopt;
}

Image SyntheticBackgrounds::operator()(ImageSize size, Random random) const {
  RF_ASSERT(size.width >= 1 && size.height >= 1);
  for (int attempt = 0; photographs_ && attempt < kPictures; ++attempt) {
    const Dataset& data = photographs_->data;
    const auto number = random.below(static_cast<std::uint32_t>(data.pictures()));
    const std::shared_ptr<const Image> image = photographs_->picture(number);
    if (!image) continue;
    const std::optional<BackgroundCrop> crop =
        free_crop({image->width, image->height}, data[number].labels, size, random);
    if (!crop) continue;
    Image piece = resize(cut(*image, *crop), size.width, size.height);
    if (random.uniform() < 0.5F) mirror(piece);
    return piece;
  }
  return procedural_background(size, random);
}

}  // namespace rf
