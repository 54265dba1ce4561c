// Learning from another detector (Hinton et al. 2015): a teacher with the same anchors and coding
// has seen more data than we have; its outputs say of every anchor what a label cannot, such as how
// face-like the background is.
#pragma once

#include <vector>

#include "layers/heads.hpp"

namespace rf {

// A scalar, f32 or f64 as the outputs. With the probability of a face t of the teacher and s of
// ours at each anchor:
//   cls      = sum of |t - s| H(t, s) over all anchors, H(t, s) = -t log s - (1 - t) log(1 - s),
//   box      = sum of t smooth-L1(box, teacher's box), landmark likewise,
//   result   = (cls + box_weight box + landmark_weight landmark) / max(sum of t, 1).
// The factor |t - s| is a constant of the gradient; it keeps the many anchors on which both agree
// from outweighing the few on which they do not (as in the quality focal loss, Li et al. 2020).
// Anchors with t and s below 0.01 are left out: the gradient of each is below 1e-4.
// Throws ShapeError: outputs of different shapes.
struct DistillationWeights {
  double box = 0.25, landmark = 0.1;
};
[[nodiscard]] Var distillation_loss(const HeadOutputs& ours, const HeadOutputs& teacher,
                                    const DistillationWeights& weights);

// How far our features are from those of a teacher of the same form (Romero et al. 2015, FitNets),
// here at every scale: the mean over the maps of |ours - teacher|^2 / |teacher|^2, a scalar. A map
// of zeros counts as one of length 1. It says something of every pixel, of background too.
// Throws ShapeError: other numbers or shapes of maps.
[[nodiscard]] Var feature_distance(const std::vector<Var>& ours, const std::vector<Var>& teacher);

}  // namespace rf
