// What the dense head learns from where everything is known: places of vertices in the picture and
// in space, pose, code and light.
#pragma once

#include <vector>

#include "retinaface/dense/dense_branch.hpp"
#include "retinaface/dense/face_code.hpp"
#include "retinaface/dense/synthetic.hpp"
#include "retinaface/training/stage.hpp"

namespace rf {

// Truth about N rows (DenseRows), K vertices.
struct DenseLabels {
  Tensor code;    // f32 [N, code]
  Tensor mesh;    // f32 [N, K, 6]
  Tensor points;  // f32 [N, K, 2]: in widths of the row's square, from its upper left corner
  Tensor pose;    // f32 [N, 3]
  Tensor light;   // f32 [N, 9]
};

// Terms of the loss, each a mean over rows: scalars.
struct SupervisedLosses {
  Var total, points, mesh, pose, code, light;
};

// The face model as a linear function of codes at some of its vertices: the decoder without its
// error, at a fraction of its cost.
class DenseSupervision {
 public:
  DenseSupervision(const FaceModel& model, Index code);

  // Those at which places are compared: the landmarks and every 16th.
  [[nodiscard]] const std::vector<Index>& vertices() const { return vertices_; }
  [[nodiscard]] const FaceCodes& codes() const { return codes_; }
  // rf::shape_share() of them, f32 [1, code].
  [[nodiscard]] const Tensor& shape_share() const { return shape_share_; }

  // Labels of the rows that look at these faces of a synthetic picture: truth[r] belongs to row r.
  [[nodiscard]] DenseLabels labels(const DenseRows& rows,
                                   const std::vector<const SyntheticFace*>& truth) const;

  // Distances: of points |dx| + |dy| in widths of the square, of places and weighted colours in
  // centimetres, of pose vectors, codes weighted by what each contributes, light in steps of
  // DenseHead. The weights of the terms are choices of ours.
  [[nodiscard]] SupervisedLosses losses(const DenseOutputs& outputs,
                                        const DenseLabels& labels) const;

 private:
  std::vector<Index> vertices_;
  FaceCodes codes_;
  Tensor shape_share_;
  Tensor mean_;   // [1, K 6]
  Tensor basis_;  // [code, K 6]
};

}  // namespace rf
