#include "retinaface/training/face_crops.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "engine/check.hpp"
#include "engine/image_mirror.hpp"
#include "engine/parallel.hpp"
#include "retinaface/dense/pixel_loss.hpp"
#include "retinaface/nms.hpp"
#include "retinaface/training/data.hpp"
#include "weights/sha256.hpp"

namespace rf {

namespace {

constexpr double kSame = 0.5;  // intersection over union of a face and its label

// Left and right change places, of points too.
LabelledFace mirrored(const LabelledFace& face, Index width) {
  const auto flipped = [&](float x) { return static_cast<float>(width) - x; };
  LabelledFace result{.box = {flipped(face.box.x2), face.box.y1, flipped(face.box.x1), face.box.y2},
                      .landmarks = {}};
  constexpr std::array<std::size_t, 5> kOther{1, 0, 2, 4, 3};
  if (!face.landmarks) return result;
  result.landmarks.emplace();
  for (std::size_t k = 0; k < 5; ++k) {
    const Point& p = (*face.landmarks)[kOther[k]];
    (*result.landmarks)[k] = {flipped(p.x), p.y};
  }
  return result;
}

std::vector<std::uint8_t> bytes_of(const Tensor& values, float factor) {
  std::vector<std::uint8_t> bytes;
  for (const float value : values.span<float>())
    bytes.push_back(static_cast<std::uint8_t>(std::lround(value * factor)));
  return bytes;
}

// The faces of one picture.
std::vector<FaceCrop> crops_of(const Image& image, const std::vector<LabelledFace>& labels,
                               const FaceCropOptions& options, const Pipeline& detector,
                               const SeenColours& seen) {
  std::vector<FaceCrop> crops;
  const FaceColumns found = detector.detect_columns(image);
  const Index channels = found.features.shape()[1];
  for (std::size_t i = 0; i < found.faces.size(); ++i) {
    const Face& face = found.faces[i];
    if (std::max(face.x2 - face.x1, face.y2 - face.y1) < static_cast<float>(options.smallest))
      continue;
    const auto same = std::ranges::find_if(labels, [&](const LabelledFace& label) {
      return label.landmarks && iou(face_box(face), label.box, false) > kSame;
    });
    if (same == labels.end()) continue;
    const SquarePixels pixels = square_pixels(image, square_around(face_box(face)), options.size);
    const float* features = found.features.data<float>() + static_cast<Index>(i) * channels;
    const Tensor colours = seen(image, face);
    crops.push_back({.face = face,
                     .group = found.groups[i],
                     .features = {features, features + channels},
                     .landmarks = *same->landmarks,
                     .rgb = bytes_of(pixels.rgb, 255),
                     .inside = bytes_of(pixels.inside, 1)});
    std::ranges::copy(colours.span<float>(), std::back_inserter(crops.back().features));
  }
  return crops;
}

}  // namespace

FaceCrops read_face_crops(const FaceCropOptions& options, const Pipeline& detector,
                          const SeenColours& seen) {
  FaceCrops crops;
  const LabelledPictures labelled = read_labelled_pictures(options.data);
  const auto count = static_cast<Index>(labelled.pictures.size());
  std::vector<std::vector<FaceCrop>> of_picture(static_cast<std::size_t>(count));
  std::mutex mutex;
  parallel_for(count, [&](Index i) {
    const TrainingPicture& picture = labelled.pictures[static_cast<std::size_t>(i)];
    std::vector<FaceCrop>& faces = of_picture[static_cast<std::size_t>(i)];
    if (std::ranges::none_of(picture.labels.faces,
                             [](const LabelledFace& face) { return face.landmarks.has_value(); }))
      return;
    try {
      const Image image = read_image(picture.path);
      faces = crops_of(image, picture.labels.faces, options, detector, seen);
      if (!options.mirrored) return;
      std::vector<LabelledFace> labels;
      for (const LabelledFace& face : picture.labels.faces)
        labels.push_back(mirrored(face, image.width));
      std::vector<FaceCrop> again = crops_of(mirrored(image), labels, options, detector, seen);
      std::ranges::move(again, std::back_inserter(faces));
    } catch (const std::exception& error) {  // one that does not fit in memory, too
      const std::lock_guard lock(mutex);
      crops.unreadable.emplace(picture.path, error.what());
    }
  });
  for (std::vector<FaceCrop>& faces : of_picture)
    std::ranges::move(faces, std::back_inserter(crops.faces));
  if (crops.faces.empty())
    throw UsageError(message("--data: none of ", count, " pictures has a face of ",
                             options.smallest, " pixels with five points that is found"));
  // A picture that can no longer be read makes another training.
  Sha256 sha;
  sha.update(std::as_bytes(std::span(labelled.sha256)));
  for (const FaceCrop& face : crops.faces) {
    sha.update(std::as_bytes(std::span(face.features)));
    sha.update(std::as_bytes(std::span(face.rgb)));
  }
  crops.sha256 = sha.hex();
  return crops;
}

FaceColumns columns_of(const std::vector<const FaceCrop*>& faces) {
  const auto channels = static_cast<Index>(faces.front()->features.size());
  FaceColumns columns{.faces = {},
                      .groups = {},
                      .features = Tensor::empty({static_cast<Index>(faces.size()), channels})};
  float* to = columns.features.data<float>();
  for (const FaceCrop* crop : faces) {
    columns.faces.push_back(crop->face);
    columns.groups.push_back(crop->group);
    to = std::ranges::copy(crop->features, to).out;
  }
  return columns;
}

CropPixels pixels_of(const std::vector<const FaceCrop*>& faces, Index size) {
  const auto count = static_cast<Index>(faces.size());
  CropPixels pixels{.rgb = Tensor::empty({count, size, size, 3}),
                    .inside = Tensor::empty({count, size, size, 1})};
  float *rgb = pixels.rgb.data<float>(), *inside = pixels.inside.data<float>();
  for (const FaceCrop* crop : faces) {
    for (const std::uint8_t value : crop->rgb) *rgb++ = static_cast<float>(value) / 255.0F;
    for (const std::uint8_t value : crop->inside) *inside++ = static_cast<float>(value);
  }
  return pixels;
}

}  // namespace rf
