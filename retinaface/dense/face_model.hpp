// The linear face model that the dense branch learns from: faces as a neutral one, identities,
// expressions and skin, on a hierarchy of meshes. Its files are read in training alone; what a
// decoder needs of them, its weights file holds.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/ops/csr.hpp"
#include "engine/tensor.hpp"
#include "layers/mesh_decoder.hpp"

namespace rf {

// One mesh of the hierarchy.
struct FaceLevel {
  Index vertices = 0;
  std::vector<std::array<Index, 3>> triangles;  // counter-clockwise from outside
  // [vertices, those of the level before]; of the coarsest none, [vertices, 0].
  CsrMatrix up;
};

// f32; V vertices of the finest level, in centimetres: x to the face's left, y up, z out of the
// face.
//   places = neutral + sum_i a_i identity_i + sum_j b_j expression_j,  a ~ N(0, 1), b in [0, 1]
//   colours = albedo + sum_k c_k albedo_mode_k, clipped to [0.02, 1],  c ~ N(0, 1)
struct FaceModel {
  std::vector<FaceLevel> levels;               // from the coarsest
  Tensor neutral;                              // [V, 3]
  Tensor identity, expression;                 // [modes, V, 3]
  Tensor albedo, albedo_modes;                 // [V, 3], [modes, V, 3]
  std::vector<Index> landmarks5, landmarks68;  // vertices; of 68 the jaw's are those on its line
};

// From a folder as the ICT face kit's compact form has them (NumPy arrays: neutral, identity_modes,
// ..., hierarchy_1728/L1_triangles, ...); only the rows of the hierarchy's finest level are kept.
// Throws FileError, FormatError: a file that is missing or cannot be read, sizes that do not fit
// each other, rows that are none, numbers that are not finite.
[[nodiscard]] FaceModel read_face_model(const std::string& folder);

// The levels as a decoder's convolutions need them.
[[nodiscard]] std::vector<DecoderLevel> decoder_levels(const std::vector<FaceLevel>& levels);

// What faces are made of, [N, modes] each.
struct FaceParameters {
  Tensor identity, expression, albedo;
};

// Random faces: identities and skin from N(0, 1), of the expressions each with probability 0.075
// (four of 53 at a time) uniform in [0, 1). Face i of `first` + 0 .. count - 1 depends on the seed
// and first + i alone.
[[nodiscard]] FaceParameters random_faces(const FaceModel& model, Index count, std::uint64_t seed,
                                          std::uint64_t first);

// Mean and standard deviation of each expression's weight in random_faces().
[[nodiscard]] double expression_mean();
[[nodiscard]] double expression_deviation();

// [N, V, 6]: places, colours. Throws ShapeError: parameters of another model.
[[nodiscard]] Tensor make_faces(const FaceModel& model, const FaceParameters& parameters);

}  // namespace rf
