#include "retinaface/dense/dense_branch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "retinaface/dense/five_point_pose.hpp"
#include "retinaface/dense/picture_points.hpp"
#include "retinaface/nms.hpp"

namespace rf {

namespace {

Tensor row(const Tensor& rows, Index i) {
  const Index width = rows.numel() / std::max<Index>(rows.shape()[0], 1);
  return Tensor::from({width}, rows.span<float>().subspan(static_cast<std::size_t>(i * width),
                                                          static_cast<std::size_t>(width)));
}

}  // namespace

DenseHeadConfig head_config(const ModelConfig& detector, const DenseModel& model, Index hidden) {
  DenseHeadConfig head{.channels = detector.neck.channels,
                       .levels = static_cast<Index>(detector.anchors.size()),
                       .anchors = static_cast<Index>(detector.anchors.front().sizes.size()),
                       .code = model.decoder.code,
                       .hidden = hidden};
  for (const auto& place : five_places(mean_face(model), model.landmarks5)) {
    for (std::size_t i = 0; i < 3; ++i) head.pivot[i] += place[i] / 5;
  }
  return head;
}

SeenColours seen_colours(const DenseModel& model, const DenseHeadConfig& head) {
  return {mean_face(model), model.landmarks5, head.colours};
}

DenseRows dense_rows(const FaceColumns& faces, const FivePlaces& mean,
                     const DenseHeadConfig& config) {
  const auto count = static_cast<Index>(faces.faces.size());
  RF_CHECK_SHAPE(faces.features.shape() == (Shape{count, config.features()}), "dense_rows",
                 "features ", faces.features.shape(), " must be [", count, ", ", config.features(),
                 "]");
  DenseRows rows{.inputs = {.counts = std::vector<Index>(static_cast<std::size_t>(config.groups())),
                            .features = {},
                            .five = Tensor::empty({count, 5, 2}),
                            .camera = Tensor::empty({count, DenseHead::kCamera})},
                 .order = std::vector<Index>(static_cast<std::size_t>(count)),
                 .squares = {}};
  for (const Index group : faces.groups) {
    RF_CHECK_SHAPE(group >= 0 && group < config.groups(), "dense_rows", "group ", group, " of ",
                   config.groups());
    ++rows.inputs.counts[static_cast<std::size_t>(group)];
  }
  std::iota(rows.order.begin(), rows.order.end(), Index{0});
  std::ranges::stable_sort(rows.order, {},
                           [&](Index i) { return faces.groups[static_cast<std::size_t>(i)]; });
  Tensor features = Tensor::empty(faces.features.shape());
  float *five = rows.inputs.five.data<float>(), *camera = rows.inputs.camera.data<float>();
  float* feature = features.data<float>();
  for (const Index i : rows.order) {
    const Face& face = faces.faces[static_cast<std::size_t>(i)];
    const SquareCrop square = square_around(face_box(face));
    rows.squares.push_back(square);
    five = std::ranges::copy(in_square(face.landmarks, square).span<float>(), five).out;
    const Tensor posed = five_point_camera(mean, face.landmarks, square);
    camera = std::ranges::copy(posed.span<float>(), camera).out;
    feature = std::ranges::copy(row(faces.features, i).span<float>(), feature).out;
  }
  rows.inputs.features = Var(features);
  return rows;
}

DenseBranch::DenseBranch(DenseModel model) : model_(std::move(model)) {
  if (!model_.head)
    throw ModelError("the file holds a decoder alone; a head is needed to read faces");
  decoder_ = make_decoder(model_);
  head_ = make_head(model_);
  mean_ = five_places(mean_face(model_), model_.landmarks5);
  seen_ = std::make_unique<SeenColours>(seen_colours(model_, head_->config()));
}

std::vector<DenseFace> DenseBranch::read(const Image& picture, const FaceColumns& faces) const {
  const ag::NoGradScope no_grad;
  const DenseRows rows = dense_rows(seen_->added_to(faces, picture), mean_, head_->config());
  std::vector<DenseFace> read(faces.faces.size());
  if (read.empty()) return read;
  const DenseOutputs numbers = head_->forward(rows.inputs);
  for (std::size_t r = 0; r < rows.order.size(); ++r) {
    const auto i = static_cast<Index>(r);
    // One mesh at a time: a crowd's need not fit in memory at once.
    const Tensor code = row(numbers.code.value(), i).reshaped({1, model_.decoder.code});
    const Tensor mesh = decoder_->forward(Var(code)).value();
    DenseFace& face = read[static_cast<std::size_t>(rows.order[r])];
    face.square = rows.squares[r];
    face.code = code.reshaped({model_.decoder.code});
    face.camera = row(numbers.camera.value(), i);
    face.light = row(numbers.light.value(), i);
    face.mesh = mesh.reshaped({mesh.shape()[1], mesh.shape()[2]});
    face.points = picture_points(face.mesh, face.camera, face.square);
  }
  return read;
}

std::vector<DenseFace> DenseBranch::posed_mean(const std::vector<Face>& faces) const {
  std::vector<DenseFace> posed;
  for (const Face& face : faces) {
    const SquareCrop square = square_around(face_box(face));
    const Tensor camera = five_point_camera(mean_, face.landmarks, square);
    posed.push_back({.square = square,
                     .code = Tensor::zeros({model_.decoder.code}),
                     .camera = camera,
                     .light = DenseHead::usual_light(),
                     .mesh = mean_face(model_),
                     .points = picture_points(mean_face(model_), camera, square)});
  }
  return posed;
}

void check_detector(const DenseModel& model, const LoadedModel& detector) {
  if (model.head && model.head->detector_sha256 != detector.sha256) {
    throw UsageError(message("the dense branch reads features of the detector with the SHA-256 ",
                             model.head->detector_sha256.substr(0, 12), ", but ", detector.path,
                             " has ", detector.sha256.substr(0, 12)));
  }
  if (!model.head) return;
  const DenseHeadConfig& head = model.head->config;
  bool fits = head.channels == detector.config.neck.channels &&
              head.levels == static_cast<Index>(detector.config.anchors.size());
  for (const AnchorLevel& level : detector.config.anchors)
    fits = fits && head.anchors == static_cast<Index>(level.sizes.size());
  if (!fits)
    throw ModelError("the dense branch's head has other sizes than the detector that it names");
}

void read_points(const DenseModel& model, Pipeline& detector) {
  check_detector(model, detector.model());
  if (!model.head) return;
  const DenseHeadConfig& head = model.head->config;
  try {
    detector.read_points(head.points);
  } catch (const UsageError& error) {
    throw ModelError(message("the dense branch's head reads another detector: ", error.what()));
  }
  if (detector.features() != head.of_detector())
    throw ModelError("the dense branch's head has other sizes than the detector that it names");
}

}  // namespace rf
