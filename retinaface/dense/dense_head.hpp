// The dense regression branch's head (the paper's section 3.2): of every kept anchor, from its
// column of context features, 128 + 7 + 9 numbers: code of the face, camera, light. Beside that
// column it may read those of other maps at the five landmarks, and the picture's colours: an
// anchor's own says where a face is and little of what it looks like (a choice of ours).
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "layers/linear.hpp"
#include "layers/module.hpp"
#include "retinaface/feature_map.hpp"

namespace rf {

struct DenseHeadConfig {
  Index channels = 64;               // of the context features
  std::vector<FeatureMap> points{};  // maps that are read at the five landmarks
  Index point_channels = 0;          // of all of these maps together
  Index colours = 0;                 // vertices whose SeenColours are read
  Index levels = 3, anchors = 2;     // anchors of a cell; each has weights of its own
  bool shared = false;               // or else one set of weights is for all
  Index code = 128;
  // Features of a layer with ELU between the column and the numbers; 0: none, one linear map as the
  // paper draws it.
  Index hidden = 0;
  // A point of the mesh, in its units and axes, about which the head corrects the pose: one in the
  // middle of the face, or else a turn would also be a shift.
  std::array<double, 3> pivot{0, 0, 0};

  [[nodiscard]] Index groups() const { return levels * anchors; }
  [[nodiscard]] Index sets() const { return shared ? 1 : groups(); }                 // of weights
  [[nodiscard]] Index of_detector() const { return channels + 5 * point_channels; }  // features
  [[nodiscard]] Index features() const { return of_detector() + 3 * colours; }       // FaceColumns
  friend bool operator==(const DenseHeadConfig&, const DenseHeadConfig&) = default;
};

// What the head reads: anchors of one group (level, anchor of the cell) together, groups level by
// level from the finest, anchors of a cell by size ascending.
struct DenseInputs {
  std::vector<Index> counts;  // anchors of each group; their sum is N
  Var features;               // f32 [N, features()]
  Tensor five;                // f32 [N, 5, 2]: the detector's points in the square around its box
                              // (face_square.hpp), in widths from its middle
  Tensor camera;              // f32 [N, 7]: the mean face posed by these points, for this square
};

// layers/mesh_camera.hpp says what camera and light are.
struct DenseOutputs {
  Var code;    // [N, code]
  Var camera;  // [N, 7], for the same square
  Var light;   // [N, 9]
};

// Children: hidden.{set}, out.{set}; the set of weights is a group's own, or 0 is everybody's.
class DenseHead final : public Module {
 public:
  // Throws UsageError: a size below 1 (hidden: below 0).
  explicit DenseHead(const DenseHeadConfig& config);

  // The layers see features, points and the pose that the points give; of what comes out the code
  // is taken as it is, seven numbers correct the camera, nine the usual light. The paper says
  // nothing of how its camera and light are coded. Throws ShapeError.
  [[nodiscard]] DenseOutputs forward(const DenseInputs& inputs) const;

  [[nodiscard]] const DenseHeadConfig& config() const { return config_; }

  static constexpr Index kCamera = 7, kLight = 9;
  static constexpr Index kInputs = 10 + 3;  // beside features: five points, a pose

  // The light of a head that says nothing, f32 [9].
  [[nodiscard]] static Tensor usual_light();
  // And what a number of 1 changes in it, f32 [9].
  [[nodiscard]] static Tensor light_step();

  // What the layers read of features is (x - mean) / deviation, of each set its own: buffers
  // "feature_mean" and "feature_deviation" [sets, features()], which begin as 0 and 1. This sets
  // them from a sample; a set of fewer than 8 anchors in it keeps its own. Throws ShapeError.
  void measure_features(const DenseInputs& sample);

 private:
  [[nodiscard]] Var numbers(const DenseInputs& inputs) const;  // [N, code + 7 + 9]
  // How many anchors each set of weights is for, from those of each group.
  [[nodiscard]] std::vector<Index> set_counts(const std::vector<Index>& counts) const;

  DenseHeadConfig config_;
  std::vector<std::unique_ptr<Linear>> hidden_, out_;
  Var feature_mean_, feature_deviation_;
};

}  // namespace rf
