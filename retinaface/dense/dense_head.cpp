#include "retinaface/dense/dense_head.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>

#include "autograd/ops.hpp"
#include "engine/check.hpp"
#include "retinaface/dense/camera_correction.hpp"

namespace rf {

namespace {

constexpr Index kLeastSample = 8;  // of a group's features, to say what they are like

// The usual light, and what a number of 1 changes: place in centimetres, colour, ambient.
constexpr std::array<double, 9> kUsualLight{0, 20, 60, 0.4, 0.4, 0.4, 0.5, 0.5, 0.5};
constexpr std::array<double, 9> kLightStep{30, 30, 20, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2};

Var constant(std::span<const double> values) {
  return Var(Tensor::from({1, static_cast<Index>(values.size())}, values).to(DType::f32));
}

Var columns(const Var& rows, Index begin, Index end) { return ag::slice(rows, 1, begin, end); }

void check(const DenseHeadConfig& c) {
  const Index least = std::min({c.channels, c.levels, c.anchors, c.code});
  const Index from_0 = std::min({c.hidden, c.point_channels, c.colours});
  if (least < 1 || from_0 < 0)
    throw UsageError(
        message("DenseHead: sizes must be at least 1; hidden, point_channels and colours "
                "at least 0; got ",
                from_0 < 0 ? from_0 : least));
}

void check_groups(const char* op, const std::vector<Index>& counts, Index anchors, Index groups) {
  const Index sum = std::accumulate(counts.begin(), counts.end(), Index{0});
  const bool counted = std::ranges::all_of(counts, [](Index count) { return count >= 0; });
  RF_CHECK_SHAPE(counted && sum == anchors && static_cast<Index>(counts.size()) == groups, op,
                 counts.size(), " groups of ", sum, " anchors, must be ", groups, " of ", anchors);
}

}  // namespace

DenseHead::DenseHead(const DenseHeadConfig& config) : config_(config) {
  check(config);
  const Index in = config.features() + kInputs, out = config.code + kCamera + kLight;
  for (Index set = 0; set < config.sets(); ++set) {
    const std::string name = std::to_string(set);
    if (config.hidden > 0) {
      hidden_.push_back(std::make_unique<Linear>(in, config.hidden));
      child("hidden." + name, *hidden_.back());
    }
    out_.push_back(std::make_unique<Linear>(config.hidden > 0 ? config.hidden : in, out));
    child("out." + name, *out_.back());
  }
  const Shape features{config.sets(), config.features()};
  const std::vector<float> ones(static_cast<std::size_t>(features.numel()), 1.0F);
  feature_mean_ = buffer("feature_mean", Tensor::zeros(features));
  feature_deviation_ =
      buffer("feature_deviation", Tensor::from(features, std::span<const float>(ones)));
}

Tensor DenseHead::usual_light() { return constant(kUsualLight).value().reshaped({kLight}); }

Tensor DenseHead::light_step() { return constant(kLightStep).value().reshaped({kLight}); }

void DenseHead::measure_features(const DenseInputs& sample) {
  const Tensor& features = sample.features.value();
  const Index channels = config_.features();
  RF_CHECK_SHAPE(features.shape().rank() == 2 && features.shape()[1] == channels,
                 "measure_features", "features ", features.shape(), " must be [N, ", channels, "]");
  check_groups("measure_features", sample.counts, features.shape()[0], config_.groups());
  Tensor mean = feature_mean_.value().clone(), deviation = feature_deviation_.value().clone();
  const float* x = features.data<float>();
  const std::vector<Index> counts = set_counts(sample.counts);
  for (std::size_t set = 0; set < counts.size(); ++set) {
    const Index count = counts[set];
    for (Index c = 0; c < channels && count >= kLeastSample; ++c) {
      double sum = 0, squares = 0;
      for (Index i = 0; i < count; ++i) sum += static_cast<double>(x[i * channels + c]);
      const double average = sum / static_cast<double>(count);
      for (Index i = 0; i < count; ++i) {
        const double d = static_cast<double>(x[i * channels + c]) - average;
        squares += d * d;
      }
      const Index at = static_cast<Index>(set) * channels + c;
      mean.data<float>()[at] = static_cast<float>(average);
      // A feature that hardly changes would only make noise louder.
      deviation.data<float>()[at] =
          static_cast<float>(std::max(std::sqrt(squares / static_cast<double>(count)), 1e-2));
    }
    x += count * channels;
  }
  feature_mean_.set_value(mean);
  feature_deviation_.set_value(deviation);
}

std::vector<Index> DenseHead::set_counts(const std::vector<Index>& counts) const {
  if (!config_.shared) return counts;
  return {std::accumulate(counts.begin(), counts.end(), Index{0})};
}

Var DenseHead::numbers(const DenseInputs& inputs) const {
  const Index count = inputs.features.shape()[0];
  const Var five(inputs.five.reshaped({count, 10}));
  const Var pose = ag::slice(Var(inputs.camera), 1, 3, 6);
  std::vector<Var> parts;
  Index begin = 0;
  const std::vector<Index> counts = set_counts(inputs.counts);
  for (std::size_t set = 0; set < counts.size(); ++set) {
    const Index end = begin + counts[set], s = static_cast<Index>(set);
    if (end == begin) continue;
    const auto rows = [&](const Var& all) { return ag::slice(all, 0, begin, end); };
    const Var features =
        ag::divide(ag::subtract(rows(inputs.features), ag::slice(feature_mean_, 0, s, s + 1)),
                   ag::slice(feature_deviation_, 0, s, s + 1));
    Var x = ag::concat({features, rows(five), rows(pose)}, 1);
    if (config_.hidden > 0) x = ag::elu(hidden_[set]->forward(x));
    parts.push_back(out_[set]->forward(x));
    begin = end;
  }
  if (parts.empty()) return Var(Tensor::empty({0, config_.code + kCamera + kLight}));
  return ag::concat(parts, 0);
}

DenseOutputs DenseHead::forward(const DenseInputs& inputs) const {
  const Shape& s = inputs.features.shape();
  RF_CHECK_SHAPE(s.rank() == 2 && s[1] == config_.features(), "DenseHead", "features ", s,
                 " must be [N, ", config_.features(), "]");
  RF_CHECK_SHAPE(inputs.five.shape() == (Shape{s[0], 5, 2}), "DenseHead", "points ",
                 inputs.five.shape(), " must be [", s[0], ", 5, 2]");
  RF_CHECK_SHAPE(inputs.camera.shape() == (Shape{s[0], kCamera}), "DenseHead", "camera ",
                 inputs.camera.shape(), " must be [", s[0], ", 7]");
  check_groups("DenseHead", inputs.counts, s[0], config_.groups());
  const Var all = numbers(inputs);
  const Index camera = config_.code, light = camera + kCamera;
  const Var lit = ag::add(constant(kUsualLight),
                          ag::multiply(constant(kLightStep), columns(all, light, light + kLight)));
  return {.code = columns(all, 0, camera),
          .camera = corrected_camera(inputs.camera, columns(all, camera, light), config_.pivot),
          .light = lit};
}

}  // namespace rf
