// A deformable convolution with weights of its own (engine/ops/deform_conv2d.hpp, equation (1)),
// which learns from its input where to look: offsets, and in version 2 masks, are convolutions of
// the same shape.
#pragma once

#include "layers/conv2d.hpp"

namespace rf {

// none: a plain convolution; v1: offsets (Dai et al. 2017); v2: and a factor for each place (Zhu et
// al. 2019).
enum class Deformation { none, v1, v2 };

// Parameters: weight and bias as Conv2d; offset_weight [2 k k, in, k, k], offset_bias [2 k k]; with
// v2 mask_weight [k k, in, k, k], mask_bias [k k]; all of these 0 at first (both papers), which
// initialize() keeps. One deformable group. The mask is a sigmoid, at first 1/2 (Zhu et al.,
// section 3.2).
class DeformConv2d final : public Module {
 public:
  // Throws UsageError: `version` none, or groups other than 1.
  DeformConv2d(const Conv2dOptions& options, Deformation version);
  [[nodiscard]] Var forward(const Var& x) const;  // shapes as Conv2d

 private:
  Conv2dParams params_;
  Var weight_, bias_;
  Var offset_weight_, offset_bias_, mask_weight_, mask_bias_;  // the mask's without elements: v1
};

}  // namespace rf
