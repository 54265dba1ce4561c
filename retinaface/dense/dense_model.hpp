// The dense branch as a file (schema retinaface-dense/1, docs/weights-format.md): decoder, meshes
// of its levels, landmarks, and the head that reads a detector's features, if there is one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/file.hpp"
#include "engine/state_dict.hpp"
#include "retinaface/dense/dense_head.hpp"
#include "retinaface/dense/face_model.hpp"

namespace rf {

struct DenseModel {
  std::string licence, provenance;
  MeshDecoderOptions decoder;
  std::vector<FaceLevel> levels;               // from the coarsest
  std::vector<Index> landmarks5, landmarks68;  // vertices of the finest level
  StateDict decoder_state;                     // MeshDecoder::state_dict

  struct Head {
    DenseHeadConfig config;
    std::string detector_sha256;  // of the detector whose features it reads
    StateDict state;              // DenseHead::state_dict
  };
  std::optional<Head> head;

  std::string sha256;  // of the tensors; filled in by reading
};

// Atomically. Throws FileError.
void write_dense_model(const std::string& path, const DenseModel& model, IfExists if_exists);

// Throws ModelError, one line that begins with the path: no such file, another version, damaged,
// sizes that do not fit each other, numbers that are not finite.
[[nodiscard]] DenseModel read_dense_model(const std::string& path);

// Their networks with the weights, not in training. Throw ModelError: weights that do not fit.
[[nodiscard]] std::unique_ptr<MeshDecoder> make_decoder(const DenseModel& model);
[[nodiscard]] std::unique_ptr<DenseHead> make_head(const DenseModel& model);  // that has a head

// Whether the decoder may have learned this face model: the same triangles and landmarks. (Other
// faces on the same mesh are not noticed.)
[[nodiscard]] bool may_have_learned(const DenseModel& model, const FaceModel& faces);

// The licence of a file whose head has also learned from photographs.
[[nodiscard]] std::string with_photographs(const std::string& licence);

// The mean face [V, 6].
[[nodiscard]] Tensor mean_face(const DenseModel& model);

}  // namespace rf
