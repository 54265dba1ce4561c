// Pictures of random faces of a face model, with labels that are exact: what `retinaface synth`
// writes, and what the dense head learns from first. docs/synth.md shows some, and the
// distributions.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/image.hpp"
#include "layers/mesh_renderer.hpp"
#include "retinaface/box_coding.hpp"
#include "retinaface/dense/face_model.hpp"
#include "retinaface/dense/float_picture.hpp"
#include "retinaface/dense/square_crop.hpp"
#include "retinaface/dense/synthetic_backgrounds.hpp"

namespace rf {

inline constexpr Index kMostSyntheticFaces = 64, kLargestSyntheticSide = 2048;

struct SyntheticOptions {
  Index width = 320, height = 320;  // of a picture, 32 .. kLargestSyntheticSide
  // Faces of a picture, uniform; at most kMostSyntheticFaces. As many of them as find room.
  Index min_faces = 1, max_faces = 4;
  // The longer side of a face's box in pixels, log-uniform. `largest` counts for no more than 0.9
  // of the picture's shorter side.
  double smallest = 20, largest = 200;
  // Degrees; from normal distributions, cut (retinaface/dense/synthetic_view.hpp).
  double largest_yaw = 80, largest_pitch = 35, largest_roll = 35;
  // Focal length in widths of the crop, log-uniform; at least 1.
  double shortest_focal = 1.5, longest_focal = 4;
  // What is done to whole pictures, each amount uniform up to the one here: standard deviation of a
  // Gaussian in pixels (half of the pictures stay sharp), of noise in grey levels; brightness up
  // or down in grey levels; contrast changed by this share.
  double blur = 1, noise = 5, brightness = 20, contrast = 0.2;
  std::uint64_t seed = 1;
};

// Throws UsageError, naming the option, unless each makes sense.
void check(const SyntheticOptions& options);

// Point and box are in pixels of the picture, (0, 0) the upper left corner of the first.
struct SyntheticFace {
  FaceParameters parameters;  // of this face: [1, modes] each
  Tensor mesh;                // [V, 6], in the face's own axes
  Tensor camera, light;       // [7], [9]: layers/mesh_camera.hpp, in the coordinates of `crop`
  SquareCrop crop;            // whole numbers
  Tensor points;              // f32 [V, 2]: where the vertices are
  Box box;                    // the smallest around all of them, and so around what can be seen
  std::array<Point, 5> landmarks;
  // Whether no part of the face lies in front of it, by more than 2 % of the neutral face's height.
  std::array<bool, 5> visible;
};

struct SyntheticPicture {
  Image image;
  std::vector<SyntheticFace> faces;  // the largest first; their boxes keep 2 pixels apart
};

class SyntheticPictures {
 public:
  // Throws UsageError as check() does; ShapeError: a model without vertices, or whose neutral face
  // is a point.
  SyntheticPictures(FaceModel model, SyntheticBackgrounds backgrounds,
                    const SyntheticOptions& options);

  // Picture `index` depends on the model, the backgrounds, the options and the index alone: any
  // thread may make any. The faces are random_faces() of the same seed, from number
  // kMostSyntheticFaces * index on. Records no gradients.
  //
  // A face is laid over the background by the share of each pixel that it covers: crops below 64
  // pixels are drawn three times as large, below 160 twice, and averaged; larger ones get smoothed
  // outlines. Blur, contrast and noise come last: the light of the labels is the one before them.
  [[nodiscard]] SyntheticPicture operator()(std::uint64_t index) const;

  [[nodiscard]] const SyntheticOptions& options() const { return options_; }
  [[nodiscard]] const FaceModel& model() const { return model_; }
  [[nodiscard]] const SyntheticBackgrounds& backgrounds() const { return backgrounds_; }

 private:
  [[nodiscard]] std::vector<double> face_sizes(Random random) const;
  void add_face(SyntheticFace face, double size, Random random, FloatPicture& picture,
                std::vector<SyntheticFace>& faces) const;
  void finish(FloatPicture& picture, Random random) const;

  FaceModel model_;
  SyntheticBackgrounds backgrounds_;
  SyntheticOptions options_;
  MeshRenderer renderer_;
  NoiseTable noise_;
  double height_;  // of the neutral face
};

// Which of these vertices no triangle hides: where each is seen, none lies nearer than the vertex
// by more than `tolerance`. clip [1, V, 4] f32 as project() gives it, triangles i64 [T, 3].
[[nodiscard]] std::vector<bool> visible_vertices(const Tensor& clip, const Tensor& triangles,
                                                 const std::vector<Index>& vertices,
                                                 double tolerance);

}  // namespace rf
