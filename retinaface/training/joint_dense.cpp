#include "retinaface/training/joint_dense.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "autograd/ops.hpp"
#include "engine/check.hpp"
#include "layers/init.hpp"
#include "retinaface/dense/five_point_pose.hpp"
#include "retinaface/dense/pixel_loss.hpp"
#include "retinaface/nms.hpp"
#include "retinaface/training/head_learner.hpp"

namespace rf {

namespace {

constexpr Index kFaces = 16, kSize = 64, kHidden = 256;
constexpr double kSmallest = 48, kPrior = 0.01;

// A picture of the batch as it was before the mean was taken off.
Image picture_of(const Tensor& images, Index number, const InputConfig& input) {
  const Shape& s = images.shape();
  const Index height = s[2], width = s[3], plane = height * width;
  Image image{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * plane))};
  const float* from = images.data<float>() + number * 3 * plane;
  for (Index c = 0; c < 3; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    const Index sample = input.order == ChannelOrder::rgb ? c : 2 - c;
    for (Index i = 0; i < plane; ++i) {
      const double level =
          static_cast<double>(from[c * plane + i]) / input.scale[channel] + input.mean[channel];
      image.rgb[static_cast<std::size_t>(3 * i + sample)] =
          static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0, 255.0)));
    }
  }
  return image;
}

}  // namespace

JointDense::JointDense(const std::string& file, const ModelConfig& config,
                       const RetinaFace& network, const std::string& init_sha256,
                       std::uint64_t seed)
    : config_(config),
      model_(read_dense_model(file)),
      mean_(five_places(mean_face(model_), model_.landmarks5)),
      renderer_(model_, kSize) {
  DenseHeadConfig fitting = head_config(config, model_, kHidden);
  const bool goes_on = model_.head && model_.head->detector_sha256 == init_sha256;
  if (model_.head) {
    const DenseHeadConfig& c = model_.head->config;
    fitting.hidden = c.hidden;
    fitting.shared = c.shared;
    fitting.points = c.points;
    fitting.colours = c.colours;
    if (c.channels != fitting.channels || c.levels != fitting.levels ||
        c.anchors != fitting.anchors) {
      throw UsageError(message("--dense ", file, ": its head reads ", c.channels, " channels of ",
                               c.levels, " levels with ", c.anchors, " anchors, the network has ",
                               fitting.channels, ", ", fitting.levels, " and ", fitting.anchors));
    }
    for (const FeatureMap& map : c.points)
      fitting.point_channels += channels_of(map, config, network);
    if (goes_on && c.point_channels != fitting.point_channels) {
      throw UsageError(message("--dense ", file, ": its head reads ", c.point_channels,
                               " channels at the five landmarks, the network has ",
                               fitting.point_channels));
    }
  }
  head_ = goes_on ? make_head(model_) : make_new_head(fitting, seed);
  head_->train();
  seen_ = std::make_unique<SeenColours>(seen_colours(model_, head_->config()));
}

JointDense::Chosen JointDense::chosen_faces(const Batch& batch) const {
  const Shape& s = batch.image.shape();
  const AnchorGrid anchors(config_.anchors, s[3], s[2]);
  struct Candidate {
    Index picture, anchor;
    Box box;
  };
  std::vector<Candidate> candidates;
  const Index* has_landmark = batch.targets.has_landmark.data<Index>();
  for (Index i = 0; i < batch.targets.has_landmark.numel(); ++i) {
    if (has_landmark[i] != 1) continue;
    const Index anchor = i % anchors.count();
    const Box box = decode_box(
        anchors[anchor], std::span<const float, 4>(batch.targets.box.data<float>() + 4 * i, 4),
        config_.coding);
    if (std::max(box.x2 - box.x1, box.y2 - box.y1) >= static_cast<float>(kSmallest))
      candidates.push_back({i / anchors.count(), anchor, box});
  }
  const auto all = static_cast<Index>(candidates.size()), count = std::min(all, kFaces);
  Chosen chosen;
  for (Index n = 0; n < count; ++n) {
    const Candidate& c = candidates[static_cast<std::size_t>((2 * n + 1) * all / (2 * count))];
    const Index row = c.picture * anchors.count() + c.anchor;
    const auto five = decode_landmarks(
        anchors[c.anchor],
        std::span<const float, 10>(batch.targets.landmark.data<float>() + 10 * row, 10),
        config_.coding);
    const AnchorGrid::Place at = anchors.place(c.anchor);
    Index place = 0;
    for (Index level = 0; level <= at.level; ++level) {
      const Index stride = config_.anchors[static_cast<std::size_t>(level)].stride;
      const Index columns = ceil_div(s[3], stride), rows = ceil_div(s[2], stride);
      place += level < at.level ? s[0] * rows * columns
                                : (c.picture * rows + at.row) * columns + at.column;
    }
    chosen.faces.faces.push_back({c.box.x1, c.box.y1, c.box.x2, c.box.y2, 1, five});
    chosen.faces.groups.push_back(
        at.level * static_cast<Index>(config_.anchors.front().sizes.size()) + at.rank);
    chosen.places.push_back(place);
    chosen.picture.push_back(c.picture);
  }
  chosen.faces.features = Tensor::zeros({count, head_->config().features()});
  return chosen;
}

Var JointDense::at_points(const Var& map, const AnchorLevel& level, const Chosen& chosen,
                          const std::vector<Index>& faces) const {
  const Shape& s = map.shape();
  const Index rows = s[2], columns = s[3], count = 5 * static_cast<Index>(faces.size());
  std::array<std::vector<Index>, 4> cells;
  std::array<std::vector<float>, 4> weights;
  for (const Index row : faces) {
    const auto face = static_cast<std::size_t>(row);
    for (const Point& p : chosen.faces.faces[face].landmarks) {
      const MapPlace place =
          map_place(static_cast<double>(p.x), static_cast<double>(p.y), level, rows, columns);
      for (std::size_t k = 0; k < 4; ++k) {
        const MapPlace::Corner& corner = place.corners[k];
        cells[k].push_back((chosen.picture[face] * rows + corner.row) * columns + corner.column);
        weights[k].push_back(corner.weight);
      }
    }
  }
  const Var all = ag::reshape(ag::permute(map, {0, 2, 3, 1}), {s[0] * rows * columns, s[1]});
  Var sum;
  for (std::size_t k = 0; k < 4; ++k) {
    const auto cell = std::span<const Index>(std::as_const(cells[k]));
    const auto weight = std::span<const float>(std::as_const(weights[k]));
    const Var part = ag::multiply(ag::gather(all, 0, Tensor::from({count}, cell)),
                                  Var(Tensor::from({count, 1}, weight)));
    sum = k == 0 ? part : ag::add(sum, part);
  }
  return ag::reshape(sum, {count / 5, 5 * s[1]});
}

Var JointDense::loss(const RetinaFace::Stages& stages, const Batch& batch) const {
  const Chosen chosen = chosen_faces(batch);
  const auto count = static_cast<Index>(chosen.places.size());
  if (count == 0) return {};
  DenseRows rows = dense_rows(chosen.faces, mean_, head_->config());
  std::vector<Var> columns;
  for (const Var& map : stages.context) {
    const Shape& s = map.shape();
    columns.push_back(ag::reshape(ag::permute(map, {0, 2, 3, 1}), {s[0] * s[2] * s[3], s[1]}));
  }
  std::vector<Index> places;
  CropTargets targets{.rgb = Tensor::empty({count, kSize, kSize, 3}),
                      .inside = Tensor::empty({count, kSize, kSize, 1}),
                      .points = Tensor::zeros({count, 5, 2})};
  Tensor colours = Tensor::empty({count, 3 * seen_->count()});
  std::map<Index, Image> pictures;
  for (std::size_t r = 0; r < rows.order.size(); ++r) {
    const auto face = static_cast<std::size_t>(rows.order[r]);
    places.push_back(chosen.places[face]);
    const Index number = chosen.picture[face];
    if (!pictures.contains(number))
      pictures.emplace(number, picture_of(batch.image, number, config_.input));
    const SquarePixels pixels = square_pixels(pictures.at(number), rows.squares[r], kSize);
    const auto row = static_cast<Index>(r);
    const Tensor seen = (*seen_)(pictures.at(number), chosen.faces.faces[face]);
    std::ranges::copy(seen.span<float>(), colours.data<float>() + row * seen.numel());
    std::ranges::copy(pixels.rgb.span<float>(),
                      targets.rgb.data<float>() + row * pixels.rgb.numel());
    std::ranges::copy(pixels.inside.span<float>(),
                      targets.inside.data<float>() + row * pixels.inside.numel());
  }
  std::vector<Var> features{
      ag::gather(ag::concat(columns, 0), 0, Tensor::from({count}, std::span<const Index>(places)))};
  for (const FeatureMap& map : head_->config().points) {
    const AnchorLevel& level = config_.anchors[static_cast<std::size_t>(map.level)];
    features.push_back(at_points(map_of(stages, map), level, chosen, rows.order));
  }
  if (seen_->count() > 0) features.push_back(Var(colours));
  rows.inputs.features = ag::concat(features, 1);
  const CropLosses losses = renderer_.losses(rows, head_->forward(rows.inputs), targets);
  return ag::add(losses.pixel, ag::scale(losses.prior, kPrior));
}

DenseModel JointDense::model(const std::string& detector_sha256,
                             const std::string& provenance) const {
  DenseModel now = model_;
  now.head = DenseModel::Head{
      .config = head_->config(), .detector_sha256 = detector_sha256, .state = head_->state_dict()};
  now.licence = with_photographs(now.licence);
  now.provenance += "; then " + provenance;
  return now;
}

}  // namespace rf
