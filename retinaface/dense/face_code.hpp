// Codes of faces: what the decoder is taught to decode. A face's parameters, of which there are
// more than P_ST has numbers, in the directions along which faces of the model differ most
// (principal components of places and colours together), so that N(0, 1) numbers describe it.
#pragma once

#include "retinaface/dense/face_model.hpp"

namespace rf {

// A colour's difference of 1 counts as much as this many centimetres (a choice of ours). 128
// numbers for the 187 parameters of the ICT face kit then leave out 0.18 mm of places and 0.026 of
// colours; with 4 it would be 0.29 mm and nothing.
inline constexpr double kColourWeight = 0.25;

struct FaceCodes {
  // Of the parameters (identity, expression, albedo): mean and standard deviation when drawn by
  // random_faces().
  Tensor mean, deviation;  // f32 [P]
  Tensor directions;       // f32 [size, P], orthonormal rows: of deviations from the mean
  Tensor variance;         // f64 [P] of places and weighted colours along each direction, falling
};

// Exact for the linear model, without drawing faces; clipped colours are taken as not clipped.
// Throws UsageError: a size outside [1, P].
[[nodiscard]] FaceCodes make_face_codes(const FaceModel& model, Index size);

// [N, size]: directions ((parameters - mean) / deviation).
[[nodiscard]] Tensor encode(const FaceCodes& codes, const FaceParameters& parameters);

// The parameters that these codes stand for, [N, size] to FaceParameters of `model`: what is lost
// is what the directions left out hold. The linear decoder that a trained one is compared with.
[[nodiscard]] FaceParameters decode(const FaceCodes& codes, const FaceModel& model,
                                    const Tensor& code);

// Of each number of a code, how much of it is shape: f32 [size], 1 for places alone, 0 for colours
// alone. (In between only if directions of the same variance were mixed.)
[[nodiscard]] Tensor shape_share(const FaceCodes& codes, const FaceModel& model);

// Mean distance of vertices, [N, V, 6] each, in millimetres. Throws ShapeError.
[[nodiscard]] double mean_vertex_error(const Tensor& faces, const Tensor& wanted);

}  // namespace rf
