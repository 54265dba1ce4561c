#include "retinaface/training/synthetic_lesson.hpp"

#include <algorithm>
#include <utility>

#include "engine/check.hpp"
#include "engine/parallel.hpp"
#include "retinaface/dense/recognised.hpp"
#include "retinaface/training/data.hpp"
#include "retinaface/training/decoder_learner.hpp"

namespace rf {

namespace {

constexpr Index kHeldOutPictures = 500;

}  // namespace

SyntheticLesson::SyntheticLesson(const SyntheticLessonOptions& options)
    : options_(options), model_(read_dense_model(options.dense)) {
  if (!options.decoder.empty()) {
    DenseModel other = read_dense_model(options.decoder);
    if (other.decoder.code != model_.decoder.code)
      throw UsageError(message(options.decoder, ": decodes codes of ", other.decoder.code,
                               " numbers, not of ", model_.decoder.code));
    other.head = model_.head;
    other.provenance += "; head: " + model_.provenance;
    other.sha256 += " " + model_.sha256;
    model_ = std::move(other);
  }
  const FaceModel faces = face_model_of(options.face_model);
  face_model_sha256_ = face_model_sha256(faces);
  if (!may_have_learned(model_, faces)) {
    throw UsageError(message(options.dense,
                             ": did not learn this face model; --face-model names the folder of "
                             "the one that it learned, without it a procedural head is meant"));
  }
  detector_ = std::make_unique<Pipeline>(
      options.detector.empty() ? load_embedded_model() : load_model(options.detector),
      DetectorOptions{.score = static_cast<float>(options.score), .nms = {}, .size = "original"});
  Index colours = 0;
  if (options.reading) {
    detector_->read_points(options.reading->points);
    colours = std::min(options.reading->colours, model_.levels.back().vertices);
  } else {
    read_points(model_, *detector_);
    if (model_.head) colours = model_.head->config.colours;
  }
  const auto side = static_cast<double>(options.size);
  SyntheticOptions pictures{.width = options.size,
                            .height = options.size,
                            .smallest = 20,
                            .largest = 0.9 * side,
                            .seed = options.seed};
  backgrounds_ = backgrounds_of(options.backgrounds);
  if (!options.backgrounds.empty())
    backgrounds_sha256_ = read_labelled_pictures({options.backgrounds}).sha256;
  usual_ = std::make_unique<SyntheticPictures>(faces, backgrounds_, pictures);
  pictures.min_faces = pictures.max_faces = 1;
  held_out_ = std::make_unique<SyntheticPictures>(faces, backgrounds_,
                                                  held_out_options(options.size, options.seed));
  pictures.width = pictures.height = 2 * options.size;
  pictures.smallest = 0.5 * side;
  pictures.largest = 1.8 * side;
  large_ = std::make_unique<SyntheticPictures>(faces, backgrounds_, pictures);
  supervision_ = std::make_unique<DenseSupervision>(faces, model_.decoder.code);
  mean_ = five_places(mean_face(model_), model_.landmarks5);
  seen_ = std::make_unique<SeenColours>(mean_face(model_), model_.landmarks5, colours);
}

DenseHeadConfig SyntheticLesson::head_config(Index hidden) const {
  DenseHeadConfig config = rf::head_config(detector_->model().config, model_, hidden);
  config.points = detector_->points();
  config.point_channels = (detector_->features() - config.channels) / 5;
  config.colours = seen_->count();
  return config;
}

SyntheticLesson::Sample SyntheticLesson::sample(Index first, Index count, Scale scale) const {
  const SyntheticPictures& generator = scale == Scale::large ? *large_ : *usual_;
  std::vector<SyntheticPicture> pictures(static_cast<std::size_t>(count));
  std::vector<FaceColumns> columns(pictures.size());
  std::vector<Recognised> known(pictures.size());
  parallel_for(count, [&](Index i) {
    const auto at = static_cast<std::size_t>(i);
    pictures[at] = generator(static_cast<std::uint64_t>(first + i));
    const FaceColumns found = detector_->candidate_columns(pictures[at].image);
    known[at] = recognised(found, pictures[at].faces, options_.anchors);
    columns[at] = seen_->added_to(chosen(found, known[at].rows), pictures[at].image);
  });
  std::vector<const SyntheticFace*> truth;
  for (const Recognised& each : known)
    truth.insert(truth.end(), each.faces.begin(), each.faces.end());
  DenseRows rows = dense_rows(joined(columns), mean_, head_config(0));
  DenseLabels labels = supervision_->labels(rows, truth);
  return {std::move(rows), std::move(labels)};
}

std::vector<Measured> SyntheticLesson::recovery(const DenseHead& head) const {
  DenseModel now = model_;
  now.head = DenseModel::Head{.config = head.config(),
                              .detector_sha256 = detector_->model().sha256,
                              .state = head.state_dict()};
  const Recovery r =
      measure_recovery(DenseBranch(now), *detector_, *held_out_, kFirstHeldOut, kHeldOutPictures);
  return {{"rotation_degrees", r.rotation},
          {"points_percent", r.points},
          {"vertices_mm", r.vertices},
          {"found", static_cast<double>(r.found) / static_cast<double>(r.faces)},
          {"posed_rotation_degrees", r.rotation_posed},
          {"posed_points_percent", r.points_posed},
          {"posed_vertices_mm", r.vertices_posed}};
}

std::map<std::string, std::string> SyntheticLesson::inputs() const {
  return {{"face model", face_model_sha256_},
          {"dense branch", model_.sha256},
          {"detector", detector_->model().sha256},
          {"backgrounds", backgrounds_sha256_}};
}

}  // namespace rf
