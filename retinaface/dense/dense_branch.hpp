// From detected faces to meshes: head, decoder and camera of the dense branch, for inference and
// for training the head.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "layers/mesh_renderer.hpp"
#include "retinaface/dense/dense_model.hpp"
#include "retinaface/dense/seen_colours.hpp"
#include "retinaface/dense/square_crop.hpp"
#include "retinaface/pipeline.hpp"

namespace rf {

// A head for this detector and this file's decoder, whose pivot is the middle of the mean face's
// five points.
[[nodiscard]] DenseHeadConfig head_config(const ModelConfig& detector, const DenseModel& model,
                                          Index hidden);

// The colours that a head of this form reads of pictures. Throws UsageError: of more vertices than
// the mesh has.
[[nodiscard]] SeenColours seen_colours(const DenseModel& model, const DenseHeadConfig& head);

// Faces as the head reads them. Row r of the inputs is face order[r].
struct DenseRows {
  DenseInputs inputs;
  std::vector<Index> order;
  std::vector<SquareCrop> squares;  // of each row
};

// `faces` are with colours, if the head reads any. Squares are those around the faces' boxes,
// cameras those of five_point_camera with `mean`, the mean face's five places. Throws ShapeError: a
// group that the head does not have, features of another width.
[[nodiscard]] DenseRows dense_rows(const FaceColumns& faces, const FivePlaces& mean,
                                   const DenseHeadConfig& config);

// What the branch says of one face.
struct DenseFace {
  SquareCrop square;     // of the picture, which the camera looks at
  Tensor code;           // f32 [code], of which the decoder made the mesh
  Tensor camera, light;  // f32 [7], [9]: layers/mesh_camera.hpp
  Tensor mesh;           // f32 [V, 6]: x, y, z in the model's units, red, green, blue
  Tensor points;         // f32 [V, 3]: picture_points()
};

class DenseBranch {
 public:
  // Throws ModelError: no head.
  explicit DenseBranch(DenseModel model);

  // One for each face that was found in `picture`, in their order. Records no gradients. Throws
  // ShapeError as dense_rows() and, if the head reads colours, square_pixels() do.
  [[nodiscard]] std::vector<DenseFace> read(const Image& picture, const FaceColumns& faces) const;

  // The baseline: the mean face, posed by the five points. Its code is 0, from which the decoder
  // makes that face to its error.
  [[nodiscard]] std::vector<DenseFace> posed_mean(const std::vector<Face>& faces) const;

  [[nodiscard]] const DenseModel& model() const { return model_; }
  [[nodiscard]] const MeshDecoder& decoder() const { return *decoder_; }

 private:
  DenseModel model_;
  std::unique_ptr<MeshDecoder> decoder_;
  std::unique_ptr<DenseHead> head_;
  FivePlaces mean_;
  std::unique_ptr<SeenColours> seen_;
};

// Throws UsageError unless the head reads features of this detector; ModelError: a head of another
// form than the detector that it names.
void check_detector(const DenseModel& model, const LoadedModel& detector);

// Makes `detector` give the features that the head reads. Throws as check_detector() does;
// ModelError: maps that this detector has not, or of other widths.
void read_points(const DenseModel& model, Pipeline& detector);

}  // namespace rf
