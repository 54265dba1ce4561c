// RetinaFace (Deng et al. 2020, section 3.1, Figure 2): backbone, feature pyramid, a context module
// per level, heads.
#pragma once

#include <memory>
#include <vector>

#include "layers/backbone.hpp"
#include "layers/context_module.hpp"
#include "layers/fpn.hpp"
#include "layers/heads.hpp"
#include "retinaface/model_config.hpp"

namespace rf {

// Children: backbone, fpn, context.{level}, heads.
class RetinaFace final : public Module {
 public:
  // Throws ModelError: a backbone it does not know, or anchors for a level that neither the
  // backbone has nor the pyramid adds.
  explicit RetinaFace(const ModelConfig& config);

  // Freezes the backbone's first convolutions: Backbone::freeze_first. The paper's light model has
  // 2 frozen (section 4.8). Throws UsageError.
  void freeze_backbone(Index convolutions) { backbone_->freeze_first(convolutions); }

  // Whether training keeps the inputs of the backbone's blocks and of the context modules alone,
  // and runs these again for their gradients: the same bits, less memory, more time.
  // The network must then outlive the backward pass.
  void recompute(bool on) {
    backbone_->recompute_blocks(on);
    recompute_ = on;
  }

  // Of the backbone, those that have anchors.
  [[nodiscard]] std::vector<Backbone::Level> backbone_levels() const;

  // Every stage's output, for tests and teaching. Levels from the finest; of the backbone those
  // that have anchors.
  struct Stages {
    std::vector<Var> backbone, pyramid, context;
    HeadOutputs heads;
  };
  [[nodiscard]] Stages forward_stages(const Var& image) const;

  // image [N, 3, H, W] in the model's channel order, mean taken off; H and W at least 1.
  [[nodiscard]] HeadOutputs forward(const Var& image) const;

 private:
  std::unique_ptr<Backbone> backbone_;
  std::vector<std::size_t> levels_;  // of the backbone, those that have anchors; fpn_ may add one
  Fpn fpn_;
  std::vector<std::unique_ptr<ContextModule>> context_;
  Heads heads_;
  bool recompute_ = false;
};

}  // namespace rf
