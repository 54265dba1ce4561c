// The dense branch in joint training: the term lambda_3 L_pixel of the paper's equation (1), whose
// gradient reaches the detector through the context features.
#pragma once

#include <memory>
#include <string>

#include "retinaface/data/loader.hpp"
#include "retinaface/model.hpp"
#include "retinaface/training/crop_losses.hpp"

namespace rf {

class JointDense {
 public:
  // With the decoder of this file, and its head if that was trained for the detector that training
  // begins with (`init_sha256`); else a new head, of the same form for this network's maps, drawn
  // by Xavier's rule. Throws ModelError: the file; UsageError: a head for another network.
  JointDense(const std::string& file, const ModelConfig& config, const RetinaFace& network,
             const std::string& init_sha256, std::uint64_t seed);

  // The loss of the batch: pixel_loss of up to 16 positive anchors, spread evenly, whose faces have
  // labelled points and are at least 48 pixels large, plus a hundredth of CropLosses::prior,
  // without which colours and light explain each other in many ways (a choice of ours). Squares and
  // poses come from the labels, which early in a training are better than what the network says. A
  // scalar; without elements when no face will do.
  [[nodiscard]] Var loss(const RetinaFace::Stages& stages, const Batch& batch) const;

  [[nodiscard]] const DenseHead& head() const { return *head_; }
  [[nodiscard]] DenseHead& head() { return *head_; }
  [[nodiscard]] const std::string& sha256() const { return model_.sha256; }  // of the file

  // The file with the head as it is now, for a detector with these tensors.
  [[nodiscard]] DenseModel model(const std::string& detector_sha256,
                                 const std::string& provenance) const;

 private:
  struct Chosen {
    FaceColumns faces;           // boxes and points of the labels; no features
    std::vector<Index> places;   // of each: its column, counted through all levels' columns
    std::vector<Index> picture;  // of the batch
  };
  [[nodiscard]] Chosen chosen_faces(const Batch& batch) const;
  // Of a map, five columns of each face: [faces, 5 C]. `faces` are rows of `chosen`.
  [[nodiscard]] Var at_points(const Var& map, const AnchorLevel& level, const Chosen& chosen,
                              const std::vector<Index>& faces) const;

  ModelConfig config_;  // of the network
  DenseModel model_;
  FivePlaces mean_;
  std::unique_ptr<SeenColours> seen_;
  CropRenderer renderer_;
  std::unique_ptr<DenseHead> head_;
};

}  // namespace rf
