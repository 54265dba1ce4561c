#include "retinaface/training/learner.hpp"

#include <array>
#include <utility>

#include "autograd/finite.hpp"
#include "autograd/grad_norm.hpp"
#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "engine/world.hpp"
#include "layers/init.hpp"
#include "retinaface/loss.hpp"
#include "retinaface/training/distillation.hpp"
#include "retinaface/training/state_parts.hpp"

namespace rf {

namespace {

double number(const Var& scalar) {
  return static_cast<double>(*std::as_const(scalar.value()).data<float>());
}

// A weight of a convolution; batch norm's parameters and biases have rank 1.
bool is_matrix(const Var& parameter) { return parameter.shape().rank() > 1; }

bool same_outputs(const ModelConfig& a, const ModelConfig& b) {
  const auto same_level = [](const AnchorLevel& x, const AnchorLevel& y) {
    return x.stride == y.stride && x.offset == y.offset && x.sizes == y.sizes;
  };
  return std::equal(a.anchors.begin(), a.anchors.end(), b.anchors.begin(), b.anchors.end(),
                    same_level) &&
         a.input.order == b.input.order && a.input.mean == b.input.mean &&
         a.input.scale == b.input.scale && a.coding.centre_variance == b.coding.centre_variance &&
         a.coding.size_variance == b.coding.size_variance && a.coding.plus_one == b.coding.plus_one;
}

// Every map on the way to the heads.
std::vector<Var> feature_maps(const RetinaFace::Stages& stages) {
  std::vector<Var> maps = stages.backbone;
  maps.insert(maps.end(), stages.pyramid.begin(), stages.pyramid.end());
  maps.insert(maps.end(), stages.context.begin(), stages.context.end());
  return maps;
}

bool same_form(const StateDict& a, const StateDict& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.shape() == y.second.shape();
  });
}

constexpr const char *kModel = "model/", *kOptimizer = "optimizer/", *kEma = "ema/",
                     *kDense = "dense/";

}  // namespace

Learner::Learner(const TrainingOptions& options, bool recompute)
    : options_(options), config_(network_config(options)), network_(config_) {
  initialize(network_, {.scheme = InitScheme::xavier_uniform}, options.seed);
  if (!options.init.empty()) load_init();
  if (!options.teacher.empty()) load_teacher();
  network_.train();
  network_.freeze_backbone(options.freeze);
  network_.recompute(recompute);

  ag::ParameterGroup decaying{.parameters = {}, .weight_decay = options.weight_decay}, others;
  for (const auto& [name, var] : network_.named_parameters()) {
    parameters_.push_back({name, var});
    (options.decay_all || is_matrix(var) ? decaying : others).parameters.push_back({name, var});
  }
  if (!options.dense.empty()) {
    dense_ =
        std::make_unique<JointDense>(options.dense, config_, network_, init_sha256_, options.seed);
    for (const auto& [name, var] : dense_->head().named_parameters()) {
      parameters_.push_back({"dense." + name, var});
      (options.decay_all || is_matrix(var) ? decaying : others)
          .parameters.push_back(parameters_.back());
    }
  }
  optimizer_ = std::make_unique<ag::Sgd>(std::vector{decaying, others},
                                         ag::SgdOptions{.momentum = options.momentum});
  if (options.ema > 0) {
    // Running statistics are averaged too: they must belong to the averaged weights.
    std::vector<ag::Parameter> averaged;
    for (const auto& [name, var] : network_.named_parameters()) averaged.push_back({name, var});
    for (const auto& [name, var] : network_.named_buffers()) averaged.push_back({name, var});
    ema_ = std::make_unique<ag::Ema>(averaged, ag::EmaOptions{.decay = options.ema});
  }
}

void Learner::load_init() {
  const ModelFile file =
      read_model(options_.init, {.description_patch = {}, .allow_backbone = true});
  std::string backbone = file.backbone;
  if (!file.description.empty()) {
    const ModelConfig config = parse_model_config(file.description);
    backbone = config.backbone.name;
    if (!same_outputs(config, config_))
      throw UsageError(message("--init ", options_.init,
                               ": its anchors, box coding or input differ from the network's"));
  }
  // Names and shapes may be the same: those of resnet50 and resnet50_v1 are.
  if (backbone != options_.backbone)
    throw UsageError(message("--init ", options_.init, ": its backbone is ", backbone,
                             "; --backbone is ", options_.backbone));
  init_sha256_ = file.sha256;
  StateDict state = network_.state_dict();
  for (const auto& [name, tensor] : file.tensors) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.shape() != tensor.shape())
      throw ModelError(message(options_.init, ": holds ", name, " ", tensor.shape(), ", which ",
                               options_.backbone, " does not have"));
    found->second = tensor.clone();  // the file may change while training goes on
  }
  network_.load_state_dict(state);
}

void Learner::load_teacher() {
  const ModelFile file = read_model(options_.teacher);
  const ModelConfig config = parse_model_config(file.description);
  if (!same_outputs(config, config_)) {
    throw UsageError(message("--teacher ", options_.teacher,
                             ": its anchors, box coding or input differ from the network's"));
  }
  if (options_.teacher_features > 0 && !same_form(file.tensors, network_.state_dict())) {
    throw UsageError(message("--teacher-features: ", options_.teacher, " is of another form than ",
                             options_.backbone));
  }
  teacher_ = std::make_unique<RetinaFace>(config);
  StateDict state = file.tensors;
  for (auto& [name, tensor] : state) tensor = tensor.clone();  // as in load_init
  teacher_->load_state_dict(state);
  teacher_sha256_ = file.sha256;
}

StepLosses Learner::step(const Batch& batch, double learning_rate) {
  optimizer_->clear_grads();
  const Var image(batch.image);
  std::optional<RetinaFace::Stages> taught;
  if (teacher_) {
    const ag::NoGradScope no_grad;
    taught = teacher_->forward_stages(image);
  }
  const RetinaFace::Stages stages = network_.forward_stages(image);
  const HeadOutputs& outputs = stages.heads;
  const LossWeights weights{.box = options_.box_weight, .landmark = options_.landmark_weight};
  const Losses losses = multi_task_loss(outputs, batch.targets, weights);
  Var total = losses.total;
  StepLosses result;
  if (taught) {
    Var distance = distillation_loss(outputs, taught->heads,
                                     {.box = weights.box, .landmark = weights.landmark});
    if (options_.teacher_features > 0) {
      const Var features = feature_distance(feature_maps(stages), feature_maps(*taught));
      distance = ag::add(distance, ag::scale(features, options_.teacher_features));
    }
    result.teacher = number(distance);
    total = ag::add(total, ag::scale(distance, options_.teacher_weight));
  }
  if (dense_) {
    const Var dense = dense_->loss(stages, batch);
    if (dense.value().numel() == 1) {
      // Of several processes each has a mean of its own.
      const Var part = ag::scale(dense, 1 / static_cast<double>(world().size()));
      result.dense = number(part);
      total = ag::add(total, ag::scale(part, options_.dense_weight));
    }
  }
  total.backward();
  result.total = number(total);
  result.cls = number(losses.cls);
  result.box = number(losses.box);
  result.landmark = number(losses.landmark);
  add_up(result);
  const ag::StepVerdict verdict =
      judge_step(Tensor::from({1}, std::span<const double>(&result.total, 1)), parameters_,
                 options_.skip_non_finite ? ag::OnNonFinite::skip : ag::OnNonFinite::stop);
  result.taken = verdict.take_step;
  if (!result.taken) return result;
  result.grad_norm = options_.clip > 0 ? clip_grad_norm(parameters_, options_.clip)
                                       : ag::global_grad_norm(parameters_);
  optimizer_->step(learning_rate);
  if (ema_) ema_->update();
  return result;
}

// Of several processes each has its part of the losses and gradients; from here on all have the
// same.
void Learner::add_up(StepLosses& losses) {
  if (world().size() == 1) return;
  std::array<double, 6> all{losses.total,    losses.cls,     losses.box,
                            losses.landmark, losses.teacher, losses.dense};
  world().sum(all);
  losses.total = all[0], losses.cls = all[1], losses.box = all[2], losses.landmark = all[3],
  losses.teacher = all[4], losses.dense = all[5];
  // A part without landmarks gives their heads no gradient.
  std::vector<double> have;
  for (const auto& [name, var] : parameters_) have.push_back(var.grad().numel() > 0 ? 1 : 0);
  world().sum(have);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (have[i] == 0) continue;
    Var var = parameters_[i].var;
    Tensor sum = var.grad().numel() > 0 ? var.grad().clone() : Tensor::zeros(var.shape());
    world().sum(sum.span<float>());
    var.set_grad(sum);
  }
}

StateDict Learner::state() const {
  StateDict state;
  for (const auto& [name, tensor] : network_.state_dict())
    state.emplace(kModel + name, tensor.clone());  // running statistics are written in place
  add_part(state, kOptimizer, optimizer_->state());
  if (ema_) add_part(state, kEma, ema_->state());
  if (dense_) add_part(state, kDense, dense_->head().state_dict());
  return state;
}

void Learner::load_state(const StateDict& state) {
  StateDict model;
  for (const auto& [name, tensor] : state_part(state, kModel))
    model.emplace(name, tensor.clone());  // a mapped file is not to be written to
  network_.load_state_dict(model);
  optimizer_->load_state(state_part(state, kOptimizer));
  if (ema_) ema_->load_state(state_part(state, kEma));
  if (dense_) dense_->head().load_state_dict(state_part(state, kDense));
}

StateDict Learner::weights() const {
  StateDict live = network_.state_dict();
  if (ema_) return ema_->averaged(live);
  for (auto& [name, tensor] : live) tensor = tensor.clone();
  return live;
}

Index Learner::parameter_count() const {
  Index count = 0;
  for (const ag::Parameter& parameter : parameters_) {
    if (parameter.var.requires_grad()) count += parameter.var.value().numel();
  }
  return count;
}

}  // namespace rf
