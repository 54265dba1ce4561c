#include "retinaface/training/crop_learner.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/ops.hpp"
#include "engine/check.hpp"
#include "engine/random.hpp"
#include "retinaface/dense/five_point_pose.hpp"
#include "retinaface/training/descent.hpp"
#include "retinaface/training/option_values.hpp"
#include "retinaface/training/state_parts.hpp"

namespace rf {

namespace {

constexpr const char *kModel = "model/", *kOptimizer = "optimizer/";

void check(const CropTrainingOptions& o) {
  using option_values::check_within;
  option_values::check_finite(o);
  if (o.data.empty()) throw UsageError("--data DIR is needed: a folder with label.txt");
  if (o.dense.empty()) throw UsageError("--dense FILE is needed: what `train head` wrote");
  check_within("crops", o.crops, 1, 1e9);
  check_within("batch", static_cast<double>(o.batch), 1, 1024);
  check_within("smallest", o.smallest, 1, 1e6);
  check_within("size", static_cast<double>(o.size), 8, 1024);
  check_within("synthetic", static_cast<double>(o.synthetic), 0, 1024);
  check_within("pixel-weight", o.pixel_weight, 0, 1e6);
  check_within("landmark-weight", o.landmark_weight, 0, 1e6);
  check_within("prior-weight", o.prior_weight, 0, 1e6);
  check_within("shape-weight", o.shape_weight, 0, 1e6);
  check_within("lr", o.lr, 0, 10);
  check_within("lr-end", o.lr_end, 0, o.lr);
  check_within("warm-up", o.warm_up, 0, 0.5);
  check_within("clip", o.clip, 0, 1e9);
}

// Checked before anything is read.
SyntheticLessonOptions lesson_options(const CropTrainingOptions& o) {
  check(o);
  return {.dense = o.dense,
          .face_model = o.face_model,
          .decoder = o.decoder,
          .detector = o.detector,
          .backgrounds = o.backgrounds,
          .seed = o.seed};
}

// Labelled points of the faces in widths of their squares from the upper left corner, [N, 5, 2].
Tensor labelled_points(const std::vector<const FaceCrop*>& faces, const DenseRows& rows) {
  Tensor points = Tensor::empty({static_cast<Index>(faces.size()), 5, 2});
  float* to = points.data<float>();
  for (std::size_t r = 0; r < rows.order.size(); ++r) {
    const FaceCrop& face = *faces[static_cast<std::size_t>(rows.order[r])];
    const Tensor from_middle = in_square(face.landmarks, rows.squares[r]);
    for (const float value : from_middle.span<float>()) *to++ = value + 0.5F;
  }
  return points;
}

}  // namespace

CropLearner::CropLearner(const CropTrainingOptions& options)
    : options_(options), lesson_(lesson_options(options)) {
  const DenseModel& model = lesson_.model();
  if (!model.head)
    throw UsageError(message(options.dense, ": holds a decoder alone; `train head` comes first"));
  crops_ =
      read_face_crops({.data = options.data, .smallest = options.smallest, .size = options.size},
                      lesson_.detector(), lesson_.seen());
  shape_share_ = lesson_.supervision().shape_share();
  renderer_ = std::make_unique<CropRenderer>(model, options.size);
  head_ = make_head(model);
  head_->train();
  for (const auto& [name, var] : head_->named_parameters()) parameters_.push_back({name, var});
  optimizer_ = adam_of(*head_, 0);
}

Index CropLearner::steps() const {
  return static_cast<Index>(std::ceil(options_.crops / static_cast<double>(options_.batch)));
}

CropLearner::Losses CropLearner::losses(Index step) const {
  std::vector<const FaceCrop*> faces;
  Random random(options_.seed, RandomPurpose::sample, static_cast<std::uint32_t>(step), 1);
  for (Index i = 0; i < options_.batch; ++i)
    faces.push_back(&crops_.faces[random.below(static_cast<std::uint32_t>(crops_.faces.size()))]);
  const DenseRows rows = dense_rows(columns_of(faces), lesson_.mean(), head_->config());
  std::vector<const FaceCrop*> in_order;
  for (const Index row : rows.order) in_order.push_back(faces[static_cast<std::size_t>(row)]);
  const DenseOutputs numbers = head_->forward(rows.inputs);
  const CropPixels pixels = pixels_of(in_order, options_.size);
  const Var squares = ag::multiply(Var(shape_share_), ag::multiply(numbers.code, numbers.code));
  return {.crops = renderer_->losses(
              rows, numbers,
              {.rgb = pixels.rgb, .inside = pixels.inside, .points = labelled_points(faces, rows)}),
          .shape = ag::scale(ag::sum(squares), 1 / static_cast<double>(squares.value().numel()))};
}

std::vector<Measured> CropLearner::step(Index step) {
  const auto [crops, shape] = losses(step);
  Var total = ag::add(ag::add(ag::scale(crops.pixel, options_.pixel_weight),
                              ag::scale(crops.landmark, options_.landmark_weight)),
                      ag::add(ag::scale(crops.prior, options_.prior_weight),
                              ag::scale(shape, options_.shape_weight)));
  Var synthetic;
  if (options_.synthetic > 0) {
    const SyntheticLesson::Sample sample = lesson_.sample(
        step * options_.synthetic, options_.synthetic, SyntheticLesson::Scale::usual);
    if (!sample.rows.order.empty()) {
      synthetic =
          lesson_.supervision().losses(head_->forward(sample.rows.inputs), sample.labels).total;
      total = ag::add(total, synthetic);
    }
  }
  const StageRate rate{options_.lr, options_.lr_end, options_.warm_up};
  const double share = static_cast<double>(step) / static_cast<double>(steps());
  const double norm = descend(total, parameters_, *optimizer_,
                              {.learning_rate = rate(share), .clip = options_.clip});
  return {{"loss", scalar_value(total)},
          {"pixel", scalar_value(crops.pixel)},
          {"landmark", scalar_value(crops.landmark)},
          {"prior", scalar_value(crops.prior)},
          {"shape", scalar_value(shape)},
          {"synthetic", scalar_value(synthetic)},
          {"grad_norm", norm}};
}

std::vector<Measured> CropLearner::validate() { return lesson_.recovery(*head_); }

StateDict CropLearner::state() const {
  StateDict state;
  add_part(state, kModel, head_->state_dict());
  add_part(state, kOptimizer, optimizer_->state());
  return state;
}

void CropLearner::load_state(const StateDict& state) {
  head_->load_state_dict(state_part(state, kModel));
  optimizer_->load_state(state_part(state, kOptimizer));
}

void CropLearner::write(const std::string& path, const std::string& provenance) const {
  DenseModel model =
      with_head(lesson_, *head_, message(provenance, "; ", option_values::recipe(options_)));
  model.licence = with_photographs(model.licence);
  write_dense_model(path, model, IfExists::replace);
}

std::string CropLearner::options() const { return option_values::as_json(options_).dump(); }

std::map<std::string, std::string> CropLearner::unreadable() const {
  std::map<std::string, std::string> all = lesson_.unreadable();
  all.insert(crops_.unreadable.begin(), crops_.unreadable.end());
  return all;
}

std::map<std::string, std::string> CropLearner::inputs() const {
  std::map<std::string, std::string> inputs = lesson_.inputs();
  inputs["set of photographs"] = crops_.sha256;
  return inputs;
}

}  // namespace rf
