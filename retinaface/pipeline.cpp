#include "retinaface/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/check.hpp"
#include "engine/image_resize.hpp"
#include "engine/picture_tensor.hpp"
#include "retinaface/nms.hpp"
#include "weights/embedded_model.hpp"
#include "weights/model_file.hpp"

namespace rf {

namespace {

// Adds the time of its life to a total, if there is one.
class Stopwatch {
 public:
  explicit Stopwatch(double* total) : total_(total), start_(std::chrono::steady_clock::now()) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - start_;
    if (total_) *total_ += passed.count();
  }

 private:
  double* total_;
  std::chrono::steady_clock::time_point start_;
};

LoadedModel described(const std::string& name, ModelFile file) {
  try {
    return {name, file.format, file.sha256, parse_model_config(file.description),
            std::move(file.tensors)};
  } catch (const ModelError& error) {
    throw ModelError(message(name, ": ", error.what()));
  }
}

// Loads the tensors into the network; only a wrong model file can make that fail.
void fill(RetinaFace& network, const LoadedModel& model) {
  try {
    network.load_state_dict(model.tensors);
  } catch (const ShapeError& error) {
    throw ModelError(message(model.path, ": ", error.what()));
  }
}

void check_fraction(const char* name, float value) {
  if (!(value >= 0 && value <= 1))
    throw UsageError(message(name, " ", value, ": a number from 0 to 1 is needed"));
}

bool finite(const Box& box, const std::array<Point, 5>& points) {
  bool all = std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) &&
             std::isfinite(box.y2);
  for (const Point& p : points) all = all && std::isfinite(p.x) && std::isfinite(p.y);
  return all;
}

Box clipped(Box box, ImageSize size, bool plus_one) {
  const float right = static_cast<float>(size.width - (plus_one ? 1 : 0));
  const float bottom = static_cast<float>(size.height - (plus_one ? 1 : 0));
  return {std::clamp(box.x1, 0.0F, right), std::clamp(box.y1, 0.0F, bottom),
          std::clamp(box.x2, 0.0F, right), std::clamp(box.y2, 0.0F, bottom)};
}

// The features of a map [C, H, W] at a point of the network's picture; the end of the copy.
float* copy_column(const Tensor& map, const Point& point, const AnchorLevel& level, float* to) {
  const Index height = map.shape()[1], width = map.shape()[2];
  const MapPlace place =
      map_place(static_cast<double>(point.x), static_cast<double>(point.y), level, height, width);
  const float* plane = map.data<float>();
  for (Index c = 0; c < map.shape()[0]; ++c, plane += height * width) {
    float sum = 0;
    for (const MapPlace::Corner& corner : place.corners)
      sum += corner.weight * plane[corner.row * width + corner.column];
    *to++ = sum;
  }
  return to;
}

// From pixels of the scaled picture to those of the picture.
Face to_picture(const Face& face, ImageSize scaled, ImageSize picture) {
  const float x = static_cast<float>(picture.width) / static_cast<float>(scaled.width);
  const float y = static_cast<float>(picture.height) / static_cast<float>(scaled.height);
  Face result{face.x1 * x, face.y1 * y, face.x2 * x, face.y2 * y, face.score, face.landmarks};
  for (Point& p : result.landmarks) p = {p.x * x, p.y * y};
  return result;
}

}  // namespace

LoadedModel load_model(const std::string& path) { return described(path, read_model(path)); }

LoadedModel load_embedded_model() {
  const auto file = embedded_model();
  if (!file) throw ModelError("no model is built into this program: name a model file");
  return described(kEmbeddedModelName, read_model(*file, kEmbeddedModelName, nullptr));
}

Pipeline::Pipeline(LoadedModel model, const DetectorOptions& options)
    : model_(std::move(model)),
      options_(options),
      size_(SizeRule::parse(options.size)),
      network_(model_.config) {
  check_fraction("score", options.score);
  if (options.nms) check_fraction("nms", *options.nms);
  fill(network_, model_);
  plans_ = std::make_unique<PlanCache>(network_);
  context_plans_ = std::make_unique<PlanCache>(network_, PlanOutputs::heads_and_context);
}

void Pipeline::read_points(const std::vector<FeatureMap>& maps) {
  for (const FeatureMap& map : maps)
    (void)channels_of(map, model_.config, network_);  // judges them
  points_ = maps;
  context_plans_ = std::make_unique<PlanCache>(network_, PlanOutputs::heads_and_context, maps);
}

Index Pipeline::features() const {
  Index count = model_.config.neck.channels;
  for (const FeatureMap& map : points_) count += 5 * channels_of(map, model_.config, network_);
  return count;
}

NetworkOutputs Pipeline::run(PlanCache& plans, const Image& image, const NetworkSize& size,
                             StageTimes* times) const {
  Image resized;
  PictureInput input{};
  {
    const Stopwatch stopwatch(times ? &times->resize : nullptr);
    input = picture_input(image, size, resized);
  }
  const Stopwatch stopwatch(times ? &times->network : nullptr);
  return plans.run(input, {1, 3, size.canvas.height, size.canvas.width});
}

std::vector<Face> Pipeline::detect(const Image& image, StageTimes* times) const {
  const ImageSize picture{image.width, image.height};
  const NetworkOutputs outputs = run(*plans_, image, size_of(picture), times);
  const Stopwatch stopwatch(times ? &times->post : nullptr);
  return postprocess(outputs, picture);
}

std::vector<Face> Pipeline::candidates(const Image& image, const NetworkSize& size,
                                       StageTimes* times) const {
  const NetworkOutputs outputs = run(*plans_, image, size, times);
  const Stopwatch stopwatch(times ? &times->post : nullptr);
  std::vector<Face> faces = decode(outputs, size).faces;
  for (Face& face : faces) face = to_picture(face, size.scaled, {image.width, image.height});
  return faces;
}

PictureInput Pipeline::picture_input(const Image& image, const NetworkSize& size,
                                     Image& resized) const {
  const ImageSize& scaled = size.scaled;
  const bool same = scaled == ImageSize{image.width, image.height};
  if (!same) resized = resize(image, scaled.width, scaled.height);
  const InputConfig& config = model_.config.input;
  PictureInput input{.rgb = (same ? image : resized).rgb.data(),
                     .row_bytes = 3 * scaled.width,
                     .height = scaled.height,
                     .width = scaled.width,
                     .sample = {},
                     .mean = {},
                     .scale = {}};
  for (std::size_t c = 0; c < 3; ++c) {
    input.sample[c] = static_cast<int>(config.order == ChannelOrder::rgb ? c : 2 - c);
    input.mean[c] = static_cast<float>(config.mean[c]);
    input.scale[c] = static_cast<float>(config.scale[c]);
  }
  return input;
}

Tensor Pipeline::preprocess(const Image& image) const {
  const NetworkSize size = size_of({image.width, image.height});
  Image resized;
  const PictureInput input = picture_input(image, size, resized);
  Tensor out = Tensor::empty({1, 3, size.canvas.height, size.canvas.width});
  fill_picture_tensor(input, out);
  return out;
}

NetworkOutputs Pipeline::network(const Tensor& input) const { return plans_->run(input); }

std::shared_ptr<const Plan> Pipeline::plan(ImageSize picture) const {
  const ImageSize canvas = size_of(picture).canvas;
  return plans_->plan({1, 3, canvas.height, canvas.width});
}

Pipeline::Decoded Pipeline::decode(const NetworkOutputs& outputs, const NetworkSize& size) const {
  const ModelConfig& config = model_.config;
  const AnchorGrid anchors(config.anchors, size.canvas.width, size.canvas.height);
  RF_CHECK_SHAPE(outputs.score.shape() == (Shape{anchors.count(), 2}), "postprocess", "scores ",
                 outputs.score.shape(), " do not fit the ", anchors.count(),
                 " anchors of a picture of ", size.canvas.width, "x", size.canvas.height);
  // Scores first: only what passes is decoded.
  const float *score = outputs.score.data<float>(), *box = outputs.box.data<float>();
  const float* landmark = outputs.landmark.data<float>();
  Decoded found;
  for (Index i = 0; i < anchors.count(); ++i) {
    if (!(score[2 * i + 1] > options_.score)) continue;
    const Anchor anchor = anchors[i];
    Box decoded = decode_box(anchor, std::span<const float, 4>(box + 4 * i, 4), config.coding);
    const auto five =
        decode_landmarks(anchor, std::span<const float, 10>(landmark + 10 * i, 10), config.coding);
    if (!finite(decoded, five)) continue;
    if (config.coding.clip) decoded = clipped(decoded, size.scaled, config.coding.plus_one);
    found.faces.push_back({decoded.x1, decoded.y1, decoded.x2, decoded.y2, score[2 * i + 1], five});
    found.anchors.push_back(i);
  }
  return found;
}

std::vector<Face> Pipeline::postprocess(const NetworkOutputs& outputs, ImageSize picture) const {
  const NetworkSize size = size_of(picture);
  const std::vector<Face> found = decode(outputs, size).faces;
  std::vector<Face> faces;
  for (const Index kept : nms(found, nms_config()))
    faces.push_back(to_picture(found[static_cast<std::size_t>(kept)], size.scaled, picture));
  return faces;
}

FaceColumns Pipeline::columns(const NetworkOutputs& outputs, const Decoded& decoded,
                              const std::vector<Index>& kept, ImageSize picture) const {
  const NetworkSize size = size_of(picture);
  const std::vector<AnchorLevel>& levels = model_.config.anchors;
  const AnchorGrid anchors(levels, size.canvas.width, size.canvas.height);
  FaceColumns found{.faces = {},
                    .groups = {},
                    .features = Tensor::empty({static_cast<Index>(kept.size()), features()})};
  float* to = found.features.data<float>();
  for (const Index row : kept) {
    const auto i = static_cast<std::size_t>(row);
    found.faces.push_back(to_picture(decoded.faces[i], size.scaled, picture));
    const AnchorGrid::Place at = anchors.place(decoded.anchors[i]);
    const auto level = static_cast<std::size_t>(at.level);
    found.groups.push_back(at.level * static_cast<Index>(levels[level].sizes.size()) + at.rank);
    const Tensor& map = outputs.context[level];
    const Index width = map.shape()[2], plane = map.shape()[1] * width;
    const float* from = map.data<float>() + at.row * width + at.column;
    for (Index c = 0; c < map.shape()[0]; ++c) *to++ = from[c * plane];
    for (std::size_t m = 0; m < points_.size(); ++m) {
      const AnchorLevel& cells = levels[static_cast<std::size_t>(points_[m].level)];
      for (const Point& p : decoded.faces[i].landmarks)
        to = copy_column(outputs.maps[m], p, cells, to);
    }
  }
  return found;
}

FaceColumns Pipeline::detect_columns(const Image& image, StageTimes* times) const {
  const ImageSize picture{image.width, image.height};
  const NetworkOutputs outputs = run(*context_plans_, image, size_of(picture), times);
  const Stopwatch stopwatch(times ? &times->post : nullptr);
  const Decoded decoded = decode(outputs, size_of(picture));
  return columns(outputs, decoded, nms(decoded.faces, nms_config()), picture);
}

FaceColumns Pipeline::candidate_columns(const Image& image) const {
  const ImageSize picture{image.width, image.height};
  const NetworkOutputs outputs = run(*context_plans_, image, size_of(picture), nullptr);
  const Decoded decoded = decode(outputs, size_of(picture));
  std::vector<Index> all(decoded.faces.size());
  std::iota(all.begin(), all.end(), Index{0});
  return columns(outputs, decoded, all, picture);
}

NmsConfig Pipeline::nms_config() const {
  NmsConfig config = model_.config.nms;
  if (options_.nms) config.iou = static_cast<double>(*options_.nms);
  return config;
}

Pipeline::FaceSizes Pipeline::face_sizes(ImageSize picture) const {
  const double scale =
      static_cast<double>(size_.scaled(picture).width) / static_cast<double>(picture.width);
  double smallest = model_.config.anchors.front().sizes.front(), largest = smallest;
  for (const AnchorLevel& level : model_.config.anchors) {
    smallest = std::min(smallest, level.sizes.front());
    largest = std::max(largest, level.sizes.back());
  }
  return {smallest / scale, largest / scale};
}

}  // namespace rf
