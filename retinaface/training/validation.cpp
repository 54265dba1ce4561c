#include "retinaface/training/validation.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include "engine/check.hpp"
#include "retinaface/evaluation/wider_protocol.hpp"

namespace rf {

namespace {

constexpr double kIou = 0.5;

WiderBox wider_box(float x1, float y1, float x2, float y2) {
  return {static_cast<double>(x1), static_cast<double>(y1),
          static_cast<double>(x2) - static_cast<double>(x1),
          static_cast<double>(y2) - static_cast<double>(y1)};
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

// Box decoding drops what is not finite, and a network that gives nothing else would seem to see no
// face.
void check_finite(const NetworkOutputs& outputs) {
  for (const Tensor* output : {&outputs.score, &outputs.box, &outputs.landmark}) {
    const std::span<const float> values = output->span<float>();
    if (!std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); }))
      throw ModelError("validation: the network gives values that are not finite");
  }
}

FoundFaces find_faces(const Pipeline& pipeline, const std::string& path) {
  const Image image = read_image(path, {.apply_exif = false});  // labels are in stored pixels
  const ImageSize size{image.width, image.height};
  const NetworkOutputs outputs = pipeline.network(pipeline.preprocess(image));
  check_finite(outputs);
  return {.faces = pipeline.postprocess(outputs, size),
          .scale = static_cast<double>(pipeline.size_rule().scaled(size).width) /
                   static_cast<double>(size.width)};
}

}  // namespace

Validation judge(std::span<const TrainingPicture> pictures, std::vector<FoundFaces> found,
                 const ValidationOptions& options) {
  RF_ASSERT(found.size() == pictures.size());
  Validation result;
  WiderGroundTruth truth;
  truth.subsets.push_back({"all", {}});
  std::vector<std::vector<WiderDetection>> detections(pictures.size());
  Index missed = 0;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    for (const Face& face : found[i].faces)
      detections[i].push_back(
          {wider_box(face.x1, face.y1, face.x2, face.y2), static_cast<double>(face.score)});
    Truth here = truth_of(pictures[i], options.min_face / found[i].scale);
    result.pictures.push_back({.path = pictures[i].path,
                               .found = std::move(found[i].faces),
                               .missed = missed_faces(pictures[i], here, detections[i])});
    missed += static_cast<Index>(result.pictures.back().missed.size());
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

Validation validate(const Pipeline& pipeline, std::span<const TrainingPicture> pictures,
                    const ValidationOptions& options) {
  std::vector<FoundFaces> found(pictures.size());
  std::map<std::string, std::string> unreadable;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    try {
      found[i] = find_faces(pipeline, pictures[i].path);
    } catch (const FileError& error) {
      unreadable.emplace(pictures[i].path, error.what());
    } catch (const FormatError& error) {
      unreadable.emplace(pictures[i].path, error.what());
    } catch (const std::bad_alloc&) {  // a panorama must not end a training of days
      unreadable.emplace(pictures[i].path, "is too large for the memory there is");
    }
  }
  Validation result = judge(pictures, std::move(found), options);
  result.unreadable = std::move(unreadable);
  return result;
}

}  // namespace rf
