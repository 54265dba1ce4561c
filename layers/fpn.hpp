// Feature pyramid (Lin et al. 2017; RetinaFace sections 3.1 and 4.2): lateral 1x1 convolutions
// bring every backbone level to one width, each level adds the one above it, upsampled, and a 3x3
// convolution smooths the sum.
#pragma once

#include <memory>
#include <vector>

#include "layers/conv_bn_act.hpp"

namespace rf {

// Levels are ordered from the finest, each size half of the one before, rounded up. A coarse map
// comes to the size of the finer one by nearest-neighbour upsampling; for such sizes that is the
// same as doubling it and cutting off what is too much (the authors' MXNet form). Children:
// lateral.{level}, merge.{level} (merge: all but the coarsest), coarser.
class Fpn final : public Module {
 public:
  struct Options {
    std::vector<Index> in_channels;
    Index out_channels;
    // Whether a level is added, half as large as the coarsest (P6): a 3x3 convolution of stride 2
    // on the coarsest input (C5), never deformable (section 4.2 names lateral connections and
    // context modules), which no other level sees.
    bool coarser = false;
  };
  Fpn(const Options& options, const BlockStyle& style);

  // Per level [N, in_channels[l], H_l, W_l] -> [N, out_channels, H_l, W_l], and the coarser one.
  [[nodiscard]] std::vector<Var> forward(const std::vector<Var>& levels) const;

 private:
  std::vector<std::unique_ptr<ConvBnAct>> lateral_, merge_;
  std::unique_ptr<ConvBnAct> coarser_;
};

}  // namespace rf
