// The heads: 1x1 convolutions that read class scores, box offsets and landmark offsets off every
// column of every level (RetinaFace section 3.1, Figure 2).
#pragma once

#include <memory>
#include <vector>

#include "layers/conv2d.hpp"

namespace rf {

enum class HeadSharing { per_level, shared };

// One value per output of one kind of head. Anchors are ordered level-major from the finest, then
// row, column, anchor by size ascending.
struct HeadOutputs {
  Var cls;       // [N, anchors, 2] logits: background, face
  Var box;       // [N, anchors, 4]
  Var landmark;  // [N, anchors, 10]: x, y of five points
};

// Children: cls.{level}, box.{level}, landmark.{level}; level 0 alone when shared.
class Heads final : public Module {
 public:
  Heads(Index levels, Index channels, Index anchors_per_cell, HeadSharing sharing);

  // Per level [N, channels, H_l, W_l].
  [[nodiscard]] HeadOutputs forward(const std::vector<Var>& levels) const;

 private:
  using Convs = std::vector<std::unique_ptr<Conv2d>>;
  [[nodiscard]] static Var read(const Convs& convs, const std::vector<Var>& levels, Index values);

  Index levels_, channels_;
  Convs cls_, box_, landmark_;
};

}  // namespace rf
