// The training loss (RetinaFace section 3.1, equation (1)), of what the heads say and what they
// should say.
#pragma once

#include "layers/heads.hpp"

namespace rf {

// What each anchor of a batch should say. N images, A anchors in the order of HeadOutputs.
struct AnchorTargets {
  Tensor label;         // i64 [N, A]: 1 face, 0 background, -1 ignored
  Tensor box;           // [N, A, 4], coded; read where label is 1
  Tensor landmark;      // [N, A, 10], coded; read where has_landmark is 1
  Tensor has_landmark;  // i64 [N, A]: 1 where label is 1 and landmarks are known, else 0
};

// Weights of equation (1): lambda_1 and lambda_2 of section 3.1.
struct LossWeights {
  double box = 0.25, landmark = 0.1;
};

struct Losses {
  Var total;  // cls + weights.box box + weights.landmark landmark
  Var cls, box, landmark;
};

// Scalars. With P faces among the anchors of the batch, Q of them with landmarks:
//   cls      = sum of softmax cross-entropy over the faces and the hardest background, / max(P, 1),
//   box      = sum of smooth-L1 (beta 1) over the faces, / max(P, 1),
//   landmark = sum of smooth-L1 (beta 1) over the faces with landmarks, / max(Q, 1).
// Hard example mining (section 4.2): of each image's background anchors the 3 per face with the
// highest cross-entropy count, ties to the lower anchor; of an image without faces, 32 (the paper
// is silent there: such an image must not count nothing). Throws ShapeError: targets that do not
// fit.
[[nodiscard]] Losses multi_task_loss(const HeadOutputs& outputs, const AnchorTargets& targets,
                                     const LossWeights& weights = {});

}  // namespace rf
