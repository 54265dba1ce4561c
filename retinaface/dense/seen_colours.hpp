// What a picture shows where the mean face's vertices are as five points pose it: colours that the
// dense head may read beside the detector's features, which say little of a face's colours and of
// what sets it apart. A choice of ours; the paper's head reads a column of context features.
#pragma once

#include <array>
#include <vector>

#include "engine/image.hpp"
#include "retinaface/pipeline.hpp"

namespace rf {

using FivePlaces = std::array<std::array<double, 3>, 5>;

// The vertices of `mesh` [V, 6] at the five landmarks.
[[nodiscard]] FivePlaces five_places(const Tensor& mesh, const std::vector<Index>& landmarks5);

class SeenColours {
 public:
  // The square around a face is looked at with so many pixels each way, whatever the face's size.
  static constexpr Index kSize = 64;

  // Of `count` vertices of the mean face [V, 3 or more], spread evenly over their numbers: those
  // numbered i V / count. Throws UsageError: a count below 0 or above V.
  SeenColours(const Tensor& mean, const std::vector<Index>& landmarks5, Index count);

  [[nodiscard]] Index count() const { return places_.shape()[0]; }

  // f32 [3 count]: red, green, blue of one vertex after the other, 0 to 1, between four pixels;
  // black outside of the picture. Also of vertices that the face hides. The same bits for any
  // number of threads. Throws ShapeError as square_pixels() does.
  [[nodiscard]] Tensor operator()(const Image& picture, const Face& face) const;

  // Faces of `picture` with these after their other features. Without colours, what was given.
  [[nodiscard]] FaceColumns added_to(const FaceColumns& faces, const Image& picture) const;

 private:
  FivePlaces five_;
  Tensor places_;  // f32 [count, 3]
};

}  // namespace rf
