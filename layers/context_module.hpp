// Context module (RetinaFace section 3.1, after SSH, Najibi et al. 2017): three branches of stacked
// 3x3 convolutions see 3x3, 5x5 and 7x7 pixels; together they widen the view before the heads.
#pragma once

#include "layers/conv_bn_act.hpp"

namespace rf {

// [N, channels, H, W] -> the same shape: half of the channels from 3x3, a quarter each from 5x5 and
// 7x7, concatenated, then ReLU. The 5x5 and 7x7 branches share their first layer.
// `style.activation` follows inner layers only. Children: conv3x3, conv5x5_1, conv5x5_2, conv7x7_2,
// conv7x7_3.
class ContextModule final : public Module {
 public:
  ContextModule(Index channels, const BlockStyle& style);
  [[nodiscard]] Var forward(const Var& x) const;

 private:
  ConvBnAct conv3x3_, conv5x5_1_, conv5x5_2_, conv7x7_2_, conv7x7_3_;
};

}  // namespace rf
