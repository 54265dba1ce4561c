#include "retinaface/training/validation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/check.hpp"
#include "retinaface/evaluation/wider_protocol.hpp"

namespace rf {

namespace {

constexpr double kIou = 0.5;

WiderBox wider_box(float x1, float y1, float x2, float y2) {
  return {double{x1}, double{y1}, double{x2} - double{x1}, double{y2} - double{y1}};
}
WiderBox wider_box(const Box& box) { return wider_box(box.x1, box.y1, box.x2, box.y2); }

// What one picture has, in the protocol's terms: its faces, then its ignored regions.
struct Truth {
  WiderImage image;
  std::vector<std::uint8_t> counted;
};

Truth truth_of(const TrainingPicture& picture, double min_side) {
  Truth truth{.image = {picture.path, {}}, .counted = {}};
  for (const LabelledFace& face : picture.labels.faces) {
    truth.image.boxes.push_back(wider_box(face.box));
    const WiderBox& box = truth.image.boxes.back();
    truth.counted.push_back(box.width * box.height >= min_side * min_side);
  }
  for (const Box& box : picture.labels.ignored) {
    truth.image.boxes.push_back(wider_box(box));
    truth.counted.push_back(0);
  }
  return truth;
}

// The faces that count and that no detection belongs to: each detection, by falling score, to the
// face that it overlaps most, as the protocol has it.
std::vector<LabelledFace> missed_faces(const TrainingPicture& picture, const Truth& truth,
                                       const std::vector<WiderDetection>& detections) {
  std::vector<bool> found(truth.image.boxes.size());
  for (const WiderDetection& detection : detections) {
    double best = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < truth.image.boxes.size(); ++i) {
      const double iou = wider_iou(detection.box, truth.image.boxes[i]);
      if (iou > best) {
        best = iou;
        at = i;
      }
    }
    if (best >= kIou) found[at] = true;
  }
  std::vector<LabelledFace> missed;
  for (std::size_t i = 0; i < picture.labels.faces.size(); ++i) {
    if (truth.counted[i] && !found[i]) missed.push_back(picture.labels.faces[i]);
  }
  return missed;
}

}  // namespace

Validation validate(const Pipeline& pipeline, std::span<const TrainingPicture> pictures,
                    const ValidationOptions& options) {
  Validation result;
  WiderGroundTruth truth;
  truth.subsets.push_back({"all", {}});
  std::vector<std::vector<WiderDetection>> detections;
  Index missed = 0;
  for (const TrainingPicture& picture : pictures) {
    ValidatedPicture& validated = result.pictures.emplace_back();
    validated.path = picture.path;
    double scale = 1;
    std::vector<WiderDetection>& found = detections.emplace_back();
    try {
      const Image image = read_image(picture.path, {.apply_exif = false});
      const ImageSize size{image.width, image.height};
      scale = static_cast<double>(pipeline.size_rule().scaled(size).width) /
              static_cast<double>(size.width);
      validated.found = pipeline.detect(image);
    } catch (const FileError& error) {
      result.unreadable.push_back(error.what());
    } catch (const FormatError& error) {
      result.unreadable.push_back(error.what());
    }
    for (const Face& face : validated.found) {
      if (!std::isfinite(face.x1 + face.y1 + face.x2 + face.y2 + face.score))
        throw ModelError("validation: the network gives values that are not finite");
      found.push_back({wider_box(face.x1, face.y1, face.x2, face.y2), double{face.score}});
    }
    Truth here = truth_of(picture, options.min_face / scale);
    validated.missed = missed_faces(picture, here, found);
    missed += static_cast<Index>(validated.missed.size());
    result.faces += std::count(here.counted.begin(), here.counted.end(), 1);
    truth.images.push_back(std::move(here.image));
    truth.subsets.front().counted.push_back(std::move(here.counted));
  }
  if (result.faces > 0) {
    result.ap = evaluate_wider(truth, detections, {.iou = {kIou}}).front().ap.front();
    result.recall = 1 - static_cast<double>(missed) / static_cast<double>(result.faces);
  }
  return result;
}

}  // namespace rf
