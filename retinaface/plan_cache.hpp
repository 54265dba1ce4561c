// Inference plans of one network, made when a size of picture is seen first. Thread-safe: callers
// share plans, each works in a workspace of its own.
#pragma once

#include <memory>
#include <vector>

#include "engine/plan/plan.hpp"
#include "retinaface/feature_map.hpp"

namespace rf {

// The network's outputs for one image, float. The tensors lie in a workspace that is used again
// once `lease` is gone: a copy of a tensor alone must not outlive it.
struct NetworkOutputs {
  Tensor score;     // [anchors, 2] softmax: background, face
  Tensor box;       // [anchors, 4] as predicted, not decoded
  Tensor landmark;  // [anchors, 10]
  std::vector<Tensor>
      context;               // [C, H_l, W_l] of each level from the finest, if they were asked for
  std::vector<Tensor> maps;  // [C, H, W] each, those that were asked for
  std::shared_ptr<void> lease;
};

enum class PlanOutputs { heads, heads_and_context };

class PlanCache {
 public:
  // Of a network in evaluation mode, which must live as long, and has the maps.
  explicit PlanCache(const RetinaFace& network, PlanOutputs outputs = PlanOutputs::heads,
                     std::vector<FeatureMap> maps = {});

  // image [1, 3, H, W], or a picture in the upper left corner of one of such a shape. Throw
  // ShapeError.
  [[nodiscard]] NetworkOutputs run(const Tensor& image);
  [[nodiscard]] NetworkOutputs run(const PictureInput& picture, const Shape& image);

  // The plan for this shape of image.
  [[nodiscard]] std::shared_ptr<const Plan> plan(const Shape& image);

  // Plans kept, the most recently used ones: each holds weights prepared for its size. Besides them
  // there is one for each caller whose plan is no longer among them.
  static constexpr std::size_t kPlans = 4;

 private:
  struct State;
  struct Desk;
  [[nodiscard]] std::unique_ptr<Desk> desk(const Shape& image);
  [[nodiscard]] NetworkOutputs leased(std::unique_ptr<Desk> desk) const;
  const RetinaFace& network_;
  PlanOutputs outputs_;
  std::vector<FeatureMap> maps_;
  std::shared_ptr<State> state_;
};

}  // namespace rf
