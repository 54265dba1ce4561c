// How well the dense branch recovers faces that are known: synthetic ones.
#pragma once

#include <cstdint>
#include <string>

#include "retinaface/dense/dense_branch.hpp"
#include "retinaface/dense/synthetic.hpp"

namespace rf {

// Pictures that no training reaches begin with this number.
inline constexpr std::uint64_t kFirstHeldOut = std::uint64_t{1} << 30;

// Pictures on which heads are judged: one face each, of 32 pixels to 0.9 of the picture's side.
[[nodiscard]] SyntheticOptions held_out_options(Index side, std::uint64_t seed = 1);

// A data set's pictures behind synthetic faces, so many that all stay decoded in memory; patterns
// if the folder's name is empty.
[[nodiscard]] SyntheticBackgrounds backgrounds_of(const std::string& folder);

// How well faces of synthetic pictures are recovered.
struct Recovery {
  Index faces = 0, found = 0;
  // Medians over found faces: angle between the rotations in degrees, mean distance of projected
  // vertices in percent of sqrt(width x height) of the face's box, mean distance of vertices in
  // millimetres about their middles. Then the same of the mean face posed by five points.
  double rotation = 0, points = 0, vertices = 0;
  double rotation_posed = 0, points_posed = 0, vertices_posed = 0;
};
[[nodiscard]] Recovery measure_recovery(const DenseBranch& branch, const Pipeline& pipeline,
                                        const SyntheticPictures& pictures, std::uint64_t first,
                                        Index count);

}  // namespace rf
