// A dense branch for tests whose head and decoder say nothing: every face is the mean face, seen by
// the camera of the five points, in the usual light. So what it should give can be told exactly.
#pragma once

#include "retinaface/dense/dense_model.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/model_config.hpp"

namespace rf::test {

[[nodiscard]] inline DenseModel silent_dense_model(const ModelConfig& detector,
                                                   const std::string& detector_sha256) {
  const FaceModel faces = procedural_head();
  DenseModel model;
  model.licence = "none: zeros";
  model.provenance = "made by a test";
  model.decoder = {.code = 2, .widths = {1, 1, 1, 1}, .order = 1};
  model.levels = faces.levels;
  model.landmarks5 = faces.landmarks5;
  model.landmarks68 = faces.landmarks68;
  model.decoder_state = MeshDecoder(decoder_levels(faces.levels), model.decoder).state_dict();
  const Tensor usual =
      make_faces(faces, {.identity = Tensor::zeros({1, faces.identity.shape()[0]}),
                         .expression = Tensor::zeros({1, faces.expression.shape()[0]}),
                         .albedo = Tensor::zeros({1, faces.albedo_modes.shape()[0]})});
  model.decoder_state["mean"] = usual.reshaped({usual.shape()[1], usual.shape()[2]});
  const DenseHeadConfig config{.channels = detector.neck.channels,
                               .levels = static_cast<Index>(detector.anchors.size()),
                               .anchors = static_cast<Index>(detector.anchors.front().sizes.size()),
                               .code = model.decoder.code};
  model.head = DenseModel::Head{.config = config,
                                .detector_sha256 = detector_sha256,
                                .state = DenseHead(config).state_dict()};
  return model;
}

}  // namespace rf::test
