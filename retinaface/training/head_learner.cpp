#include "retinaface/training/head_learner.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/check.hpp"
#include "engine/ops/arithmetic.hpp"
#include "layers/init.hpp"
#include "retinaface/training/descent.hpp"
#include "retinaface/training/option_values.hpp"
#include "retinaface/training/state_parts.hpp"

namespace rf {

namespace {

constexpr const char *kModel = "model/", *kOptimizer = "optimizer/";

void check(const HeadTrainingOptions& o) {
  using option_values::check_within;
  option_values::check_finite(o);
  if (o.decoder.empty()) throw UsageError("--decoder FILE is needed: what `train decoder` wrote");
  check_within("hidden", static_cast<double>(o.hidden), 0, 1e5);
  check_within("colours", static_cast<double>(o.colours), 0, 1e5);
  check_within("pictures", o.pictures, 1, 1e9);
  check_within("distinct", o.distinct, 0, 1e9);
  check_within("batch", static_cast<double>(o.batch), 1, 1024);
  check_within("size", static_cast<double>(o.size), 64, 1024);
  check_within("large-every", static_cast<double>(o.large_every), 0, 1e9);
  check_within("score", o.score, 0, 1);
  check_within("anchors", static_cast<double>(o.anchors), 1, 1000);
  check_within("lr", o.lr, 0, 10);
  check_within("lr-end", o.lr_end, 0, o.lr);
  check_within("warm-up", o.warm_up, 0, 0.5);
  check_within("weight-decay", o.weight_decay, 0, 1e3);
  check_within("clip", o.clip, 0, 1e9);
}

// Batches that so many pictures make.
Index steps_of(double pictures, Index batch) {
  return static_cast<Index>(std::ceil(pictures / static_cast<double>(batch)));
}

// One row of metrics; zeros where there was nothing to learn from.
std::vector<Measured> taken(const SupervisedLosses& l, double norm) {
  return {{"loss", scalar_value(l.total)},
          {"points", scalar_value(l.points)},
          {"mesh", scalar_value(l.mesh)},
          {"pose", scalar_value(l.pose)},
          {"code", scalar_value(l.code)},
          {"light", scalar_value(l.light)},
          {"grad_norm", norm}};
}

// Checked before anything is read.
SyntheticLessonOptions lesson_options(const HeadTrainingOptions& o) {
  check(o);
  return {.dense = o.decoder,
          .face_model = o.face_model,
          .decoder = {},
          .detector = o.detector,
          .reading = HeadReading{.points = parse_feature_maps(o.points), .colours = o.colours},
          .backgrounds = o.backgrounds,
          .seed = o.seed,
          .size = o.size,
          .score = o.score,
          .anchors = o.anchors};
}

}  // namespace

DenseModel with_head(const SyntheticLesson& lesson, const DenseHead& head,
                     const std::string& provenance) {
  DenseModel now = lesson.model();
  now.head = DenseModel::Head{.config = head.config(),
                              .detector_sha256 = lesson.detector().model().sha256,
                              .state = head.state_dict()};
  now.provenance += "; then " + provenance;
  return now;
}

std::unique_ptr<DenseHead> make_new_head(const DenseHeadConfig& config, std::uint64_t seed) {
  auto head = std::make_unique<DenseHead>(config);
  initialize(*head, {.scheme = InitScheme::xavier_uniform}, seed);
  StateDict state = head->state_dict();
  for (auto& [name, tensor] : state) {
    if (name.starts_with("out.")) tensor = scale(tensor, 0.1);
  }
  head->load_state_dict(state);
  head->train();
  return head;
}

std::unique_ptr<ag::Adam> adam_of(const Module& network, double weight_decay) {
  ag::ParameterGroup matrices{.parameters = {}, .weight_decay = weight_decay}, biases;
  for (const auto& [name, var] : network.named_parameters())
    (var.shape().rank() > 1 ? matrices : biases).parameters.push_back({name, var});
  return std::make_unique<ag::Adam>(std::vector<ag::ParameterGroup>{matrices, biases});
}

HeadLearner::HeadLearner(const HeadTrainingOptions& options)
    : options_(options), lesson_(lesson_options(options)) {
  DenseHeadConfig config = lesson_.head_config(options.hidden);
  config.shared = options.shared;
  head_ = make_new_head(config, options.seed);
  for (const auto& [name, var] : head_->named_parameters()) parameters_.push_back({name, var});
  optimizer_ = adam_of(*head_, options.weight_decay);
}

Index HeadLearner::steps() const { return steps_of(options_.pictures, options_.batch); }

// From pictures that come again later.
void HeadLearner::measure_features() {
  using Scale = SyntheticLesson::Scale;
  constexpr Index kUsual = 256, kLarge = 64;
  const SyntheticLesson::Sample usual = lesson_.sample(0, kUsual, Scale::usual);
  head_->measure_features(usual.rows.inputs);
  if (options_.large_every == 0 || options_.shared) return;
  // Groups that large faces alone fall into.
  DenseInputs large = lesson_.sample(0, kLarge, Scale::large).rows.inputs;
  const StateDict before = head_->state_dict();
  head_->measure_features(large);
  StateDict after = head_->state_dict();
  for (const char* const name : {"feature_mean", "feature_deviation"}) {
    Tensor kept = after.at(name).clone();
    const Index channels = kept.shape()[1];
    for (std::size_t group = 0; group < usual.rows.inputs.counts.size(); ++group) {
      if (usual.rows.inputs.counts[group] < large.counts[group]) continue;
      const auto row = static_cast<Index>(group) * channels;
      std::copy_n(before.at(name).data<float>() + row, channels, kept.data<float>() + row);
    }
    after[name] = kept;
  }
  head_->load_state_dict(after);
}

SyntheticLesson::Sample HeadLearner::drawn(Index step) const {
  using Scale = SyntheticLesson::Scale;
  const bool large = options_.large_every > 0 && (step + 1) % options_.large_every == 0;
  return lesson_.sample(step * options_.batch, options_.batch, large ? Scale::large : Scale::usual);
}

const SyntheticLesson::Sample& HeadLearner::sample(Index step) {
  if (options_.distinct == 0) {
    kept_.clear();
  } else {
    step %= steps_of(options_.distinct, options_.batch);
  }
  const auto found = kept_.find(step);
  return found != kept_.end() ? found->second : kept_.emplace(step, drawn(step)).first->second;
}

std::vector<Measured> HeadLearner::step(Index step) {
  if (step == 0) measure_features();
  const SyntheticLesson::Sample& sample = this->sample(step);
  if (sample.rows.order.empty()) return taken({}, 0);  // no face was found
  const SupervisedLosses losses =
      lesson_.supervision().losses(head_->forward(sample.rows.inputs), sample.labels);
  const StageRate rate{options_.lr, options_.lr_end, options_.warm_up};
  const double share = static_cast<double>(step) / static_cast<double>(steps());
  const double norm = descend(losses.total, parameters_, *optimizer_,
                              {.learning_rate = rate(share), .clip = options_.clip});
  return taken(losses, norm);
}

std::vector<Measured> HeadLearner::validate() { return lesson_.recovery(*head_); }

StateDict HeadLearner::state() const {
  StateDict state;
  add_part(state, kModel, head_->state_dict());
  add_part(state, kOptimizer, optimizer_->state());
  return state;
}

void HeadLearner::load_state(const StateDict& state) {
  head_->load_state_dict(state_part(state, kModel));
  optimizer_->load_state(state_part(state, kOptimizer));
}

void HeadLearner::write(const std::string& path, const std::string& provenance) const {
  write_dense_model(
      path, with_head(lesson_, *head_, message(provenance, "; ", option_values::recipe(options_))),
      IfExists::replace);
}

std::string HeadLearner::options() const { return option_values::as_json(options_).dump(); }

std::map<std::string, std::string> HeadLearner::inputs() const { return lesson_.inputs(); }

}  // namespace rf
