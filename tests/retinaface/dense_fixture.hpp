// A dense branch for tests: two meshes of a few vertices, every number random.
#pragma once

#include <string>

#include "layers/init.hpp"
#include "retinaface/dense/dense_model.hpp"
#include "tests/support.hpp"

namespace rf::test {

// A square of four vertices, and the same with a fifth above its middle; code of 3, a head of 5
// channels and 2 x 2 groups.
inline DenseModel tiny_dense_model(Index hidden = 0) {
  using Triplet = CsrMatrix::Triplet;
  DenseModel model;
  model.licence = "none: random numbers";
  model.provenance = "made by a \"test\"";
  model.decoder = {.code = 3, .widths = {3, 2}, .features = 6, .order = 2};
  const std::vector<Triplet> up{{0, 0, 1},   {1, 1, 1},    {2, 2, 1},   {3, 3, 1},
                                {4, 0, 0.5}, {4, 1, 0.25}, {4, 3, 0.25}};
  model.levels = {{.vertices = 4,
                   .triangles = {{0, 1, 2}, {0, 2, 3}},
                   .up = CsrMatrix::from_triplets(4, 0, {})},
                  {.vertices = 5,
                   .triangles = {{0, 1, 4}, {1, 2, 4}, {2, 3, 4}, {3, 0, 4}},
                   .up = CsrMatrix::from_triplets(5, 4, up)}};
  model.landmarks5 = {0, 1, 4, 2, 3};
  for (Index i = 0; i < 68; ++i) model.landmarks68.push_back(i % 5);
  MeshDecoder decoder(decoder_levels(model.levels), model.decoder);
  initialize(decoder, {.scheme = InitScheme::xavier_uniform}, 1);
  model.decoder_state = decoder.state_dict();
  // A face 10 cm wide, coloured.
  const std::vector<float> mean{-5,   5,    0,    0.9F, 0.5F, 0.4F, 5,    5,    0,    0.5F,
                                0.9F, 0.4F, 5,    -5,   0,    0.4F, 0.5F, 0.9F, -5,   -5,
                                0,    0.7F, 0.7F, 0.7F, 0,    0,    3,    1,    0.8F, 0.6F};
  model.decoder_state["mean"] = Tensor::from({5, 6}, std::span<const float>(mean));
  const DenseHeadConfig config{.channels = 5,
                               .levels = 2,
                               .anchors = 2,
                               .code = 3,
                               .hidden = hidden,
                               .pivot = {0.125, -0.3, 2}};
  DenseHead head(config);
  initialize(head, {.scheme = InitScheme::xavier_uniform}, 2);
  model.head =
      DenseModel::Head{.config = config, .detector_sha256 = "d", .state = head.state_dict()};
  return model;
}

}  // namespace rf::test
