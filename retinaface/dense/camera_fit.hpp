// Camera and light of a mesh that is known, fitted to the pixels of a photograph: what is left of
// the pixel loss when only shape and colours of the face can be to blame.
#pragma once

#include "layers/mesh_decoder.hpp"
#include "layers/mesh_renderer.hpp"
#include "retinaface/dense/pixel_loss.hpp"

namespace rf {

struct CameraFitOptions {
  // Chosen on pictures of wider/train, where both faces that eval dense compares got their least.
  Index steps = 60;   // of Adam
  double rate = 0.2;  // of the first step; falls in a straight line to 0 after the last
  // Of the mean square of the camera's seven numbers (below), beside the loss: pixels alone say
  // little of some of them, which then wander.
  double prior = 0.02;
  // Of the mean square of a code that is fitted too.
  double code_prior = 0.0125;
};

struct FittedCamera {
  Tensor camera, light;          // f32 [7], [9]: layers/mesh_camera.hpp
  Tensor code;                   // f32 [code] of fit_face()
  double before = 0, after = 0;  // masked_error() at the start and now
};

// What a mesh looks like: colour f32 [S, S, 3], covered i64 [S, S], -1 where it is not.
struct MeshLook {
  Tensor colour, covered;
};

// mesh f32 [V, 6], camera [7], light [9]. Records no gradients.
[[nodiscard]] MeshLook look_of(const MeshRenderer& renderer, const Tensor& mesh,
                               const Tensor& camera, const Tensor& light, Index size);

// f32 [S, S, 1]: 1 where the mesh is, inside of the picture, else 0.
[[nodiscard]] Tensor mask_of(const MeshLook& look, const SquarePixels& pixels);

// Mean absolute difference of colours over the pixels of a mask, a pixel of these that the mesh
// does not cover counting 1; 0 for a mask without pixels.
[[nodiscard]] double masked_error(const MeshLook& look, const Tensor& mask,
                                  const SquarePixels& pixels);

// Lowers masked_error() of `mesh` (f32 [V, 6]) over camera and light alone, from those given, and
// gives the best that was seen, which may be the start. The mask stays as it is, so that a face
// gains nothing by hiding or by growing over pixels that it likes. Steps follow the gradient of
// pixel_loss() there, and pixels of the mask that are left free pull the nearest vertex. A number
// of a step is what it is for DenseHead: 5 % of the square of shift, 15 % of size, a pose of 0.3
// about the middle of the mesh, 30 % of focal length, DenseHead::light_step(). Ends early where the
// mesh covers no pixel of the mask, and at numbers that are not finite. The same bits for any
// number of threads. Throws ShapeError; UsageError: steps below 0, a rate or prior that is negative
// or not finite.
[[nodiscard]] FittedCamera fit_camera(const MeshRenderer& renderer, const Tensor& mesh,
                                      const Tensor& camera, const Tensor& light,
                                      const SquarePixels& pixels, const Tensor& mask,
                                      const CameraFitOptions& options = {});

// The same with the face, from the one that `decoder` (not in training) makes of `code` (f32
// [code]): a step also changes each number of the code as it does those of the light. What it finds
// bounds what a head can reach with this decoder.
[[nodiscard]] FittedCamera fit_face(const MeshRenderer& renderer, const MeshDecoder& decoder,
                                    const Tensor& code, const Tensor& camera, const Tensor& light,
                                    const SquarePixels& pixels, const Tensor& mask,
                                    const CameraFitOptions& options = {});

}  // namespace rf
