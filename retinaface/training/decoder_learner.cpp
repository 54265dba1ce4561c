#include "retinaface/training/decoder_learner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "layers/init.hpp"
#include "retinaface/dense/dense_model.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/training/descent.hpp"
#include "retinaface/training/option_values.hpp"
#include "retinaface/training/state_parts.hpp"
#include "weights/described_state.hpp"

namespace rf {

namespace {

constexpr const char *kModel = "model/", *kEncoder = "encoder/", *kOptimizer = "optimizer/";

// Random faces that no training reaches by counting from 0.
constexpr std::uint64_t kHeldOut = std::uint64_t{1} << 62;
constexpr Index kHeldOutFaces = 1000, kFacesAtOnce = 50;

void check(const DecoderTrainingOptions& o) {
  using option_values::check_within;
  option_values::check_finite(o);
  check_within("code", static_cast<double>(o.code), 1, 1e4);
  check_within("order", static_cast<double>(o.order), 1, 64);
  for (const Index width : o.widths) check_within("widths", static_cast<double>(width), 1, 4096);
  check_within("samples", o.samples, 1, 1e12);
  check_within("batch", static_cast<double>(o.batch), 1, 4096);
  check_within("lr", o.lr, 0, 10);
  check_within("lr-end", o.lr_end, 0, o.lr);
  check_within("warm-up", o.warm_up, 0, 0.5);
  check_within("clip", o.clip, 0, 1e9);
}

// Before anything is read.
const DecoderTrainingOptions& checked(const DecoderTrainingOptions& options) {
  check(options);
  return options;
}

// [6]: what a difference of 1 in places and colours counts.
Tensor feature_weights() {
  Tensor weights = Tensor::empty({6});
  for (Index i = 0; i < 6; ++i)
    weights.data<float>()[i] = i < 3 ? 1.0F : static_cast<float>(kColourWeight);
  return weights;
}

double mean_colour_error(const Tensor& faces, const Tensor& wanted) {
  double sum = 0;
  const std::span<const float> a = faces.span<float>(), b = wanted.span<float>();
  for (std::size_t i = 0; i < a.size(); i += 6) {
    for (std::size_t c = 3; c < 6; ++c)
      sum += std::abs(static_cast<double>(a[i + c]) - static_cast<double>(b[i + c]));
  }
  return sum / static_cast<double>(a.size() / 2);
}

}  // namespace

FaceModel face_model_of(const std::string& folder) {
  return folder.empty() ? procedural_head() : read_face_model(folder);
}

std::string face_model_sha256(const FaceModel& model) {
  const auto rows = [](const std::vector<Index>& values) {
    return Tensor::from({static_cast<Index>(values.size())}, std::span<const Index>(values));
  };
  StateDict parts{{"neutral", model.neutral},
                  {"identity", model.identity},
                  {"expression", model.expression},
                  {"albedo", model.albedo},
                  {"albedo_modes", model.albedo_modes},
                  {"landmarks5", rows(model.landmarks5)},
                  {"landmarks68", rows(model.landmarks68)}};
  for (std::size_t level = 0; level < model.levels.size(); ++level) {
    std::vector<Index> corners;
    for (const auto& triangle : model.levels[level].triangles)
      corners.insert(corners.end(), triangle.begin(), triangle.end());
    parts.emplace(message("triangles.", level), rows(corners));
  }
  return state_sha256(parts);
}

DecoderLearner::DecoderLearner(const DecoderTrainingOptions& options)
    : options_(checked(options)), model_(face_model_of(options.face_model)) {
  model_sha256_ = face_model_sha256(model_);
  codes_ = make_face_codes(model_, options.code);
  decoder_ = std::make_unique<MeshDecoder>(
      decoder_levels(model_.levels),
      MeshDecoderOptions{.code = options.code, .widths = options.widths, .order = options.order});
  initialize(*decoder_, {.scheme = InitScheme::xavier_uniform}, options.seed);
  StateDict state = decoder_->state_dict();
  const Tensor usual = make_faces(model_, decode(codes_, model_, Tensor::zeros({1, options.code})));
  state["mean"] = usual.reshaped(state.at("mean").shape());
  decoder_->load_state_dict(state);
  if (!options.init.empty()) {
    const DenseModel before = read_dense_model(options.init);
    init_sha256_ = before.sha256;
    try {
      decoder_->load_state_dict(before.decoder_state);
    } catch (const ShapeError& error) {
      throw UsageError(message("--init ", options.init, ": is another decoder: ", error.what()));
    }
  }
  decoder_->train();
  for (const auto& [name, var] : decoder_->named_parameters()) parameters_.push_back({name, var});
  if (options.encoder) {
    encoder_ = std::make_unique<MeshEncoder>(
        decoder_levels(model_.levels),
        MeshDecoderOptions{.code = options.code, .widths = options.widths, .order = options.order});
    initialize(*encoder_, {.scheme = InitScheme::xavier_uniform}, options.seed + 1);
    StateDict mirror = encoder_->state_dict();
    mirror["mean"] = decoder_->state_dict().at("mean");
    encoder_->load_state_dict(mirror);
    encoder_->train();
    for (const auto& [name, var] : encoder_->named_parameters())
      parameters_.push_back({"encoder." + name, var});
  }
  optimizer_ =
      std::make_unique<ag::Adam>(std::vector<ag::ParameterGroup>{{.parameters = parameters_}});
}

Index DecoderLearner::steps() const {
  return static_cast<Index>(std::ceil(options_.samples / static_cast<double>(options_.batch)));
}

Var DecoderLearner::code_of(const FaceParameters& faces, const Tensor& meshes) const {
  return encoder_ ? encoder_->forward(Var(meshes)) : Var(encode(codes_, faces));
}

std::vector<Measured> DecoderLearner::step(Index step) {
  const Index first = step * options_.batch;
  const FaceParameters faces =
      random_faces(model_, options_.batch, options_.seed, static_cast<std::uint64_t>(first));
  const Var weights(feature_weights());
  const Tensor meshes = make_faces(model_, faces);
  const Var wanted(multiply(meshes, weights.value()));
  const Var decoded = decoder_->forward(code_of(faces, meshes));
  const Shape& s = wanted.shape();
  const Var loss = ag::scale(ag::sum(ag::l1(ag::multiply(decoded, weights), wanted)),
                             1 / static_cast<double>(s[0] * s[1]));
  const StageRate rate{options_.lr, options_.lr_end, options_.warm_up};
  const double now = rate(static_cast<double>(first) / options_.samples);
  const double norm =
      descend(loss, parameters_, *optimizer_, {.learning_rate = now, .clip = options_.clip});
  return {{"loss", scalar_value(loss)}, {"grad_norm", norm}, {"learning_rate", now}};
}

std::vector<Measured> DecoderLearner::validate() {
  const ag::NoGradScope no_grad;
  double learned = 0, colours = 0, components = 0, mean = 0;
  for (Index first = 0; first < kHeldOutFaces; first += kFacesAtOnce) {
    const FaceParameters faces = random_faces(model_, kFacesAtOnce, options_.seed,
                                              kHeldOut + static_cast<std::uint64_t>(first));
    const Tensor wanted = make_faces(model_, faces), code = encode(codes_, faces);
    const Tensor found = decoder_->forward(code_of(faces, wanted)).value();
    learned += mean_vertex_error(found, wanted);
    colours += mean_colour_error(found, wanted);
    components += mean_vertex_error(make_faces(model_, decode(codes_, model_, code)), wanted);
    mean +=
        mean_vertex_error(broadcast_to(decoder_->state_dict().at("mean"), wanted.shape()), wanted);
  }
  const double share = static_cast<double>(kFacesAtOnce) / kHeldOutFaces;
  return {{"vertices_mm", learned * share},
          {"components_mm", components * share},
          {"mean_face_mm", mean * share},
          {"colours", colours * share}};
}

StateDict DecoderLearner::state() const {
  StateDict state;
  add_part(state, kModel, decoder_->state_dict());
  if (encoder_) add_part(state, kEncoder, encoder_->state_dict());
  add_part(state, kOptimizer, optimizer_->state());
  return state;
}

void DecoderLearner::load_state(const StateDict& state) {
  decoder_->load_state_dict(state_part(state, kModel));
  if (encoder_) encoder_->load_state_dict(state_part(state, kEncoder));
  optimizer_->load_state(state_part(state, kOptimizer));
}

void DecoderLearner::write(const std::string& path, const std::string& provenance) const {
  DenseModel model;
  model.licence = options_.face_model.empty() ? "MIT" : "MIT, with the notice of the face model";
  model.provenance = message(provenance, "; ", option_values::recipe(options_));
  model.decoder.code = options_.code;
  model.decoder.widths = options_.widths;
  model.decoder.order = options_.order;
  model.levels = model_.levels;
  model.landmarks5 = model_.landmarks5;
  model.landmarks68 = model_.landmarks68;
  model.decoder_state = decoder_->state_dict();
  write_dense_model(path, model, IfExists::replace);
}

std::string DecoderLearner::options() const { return option_values::as_json(options_).dump(); }

std::map<std::string, std::string> DecoderLearner::inputs() const {
  return {{"face model", model_sha256_}, {"decoder to begin with", init_sha256_}};
}

}  // namespace rf
