// Backbone: the network that a feature pyramid reads, a classifier without its last layers
// (RetinaFace section 3.1).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "autograd/checkpoint.hpp"
#include "layers/conv_bn_act.hpp"

namespace rf {

class Backbone : public Module {
 public:
  // An output: pixels of the image from one cell to the next, and channels.
  struct Level {
    Index stride, channels;
  };

  // From the finest, each stride twice the one before.
  [[nodiscard]] virtual std::vector<Level> levels() const = 0;

  // [N, 3, H, W] -> per level [N, channels, H / stride, W / stride], halved step by step and
  // rounded up each time.
  [[nodiscard]] virtual std::vector<Var> forward(const Var& image) const = 0;

  // In the order of forward(), a block's shortcut after the block.
  [[nodiscard]] Index convolutions() const { return static_cast<Index>(convolutions_.size()); }

  // Freezes (Module::freeze) the first convolutions with their batch norms, on top of what is
  // frozen already. Throws UsageError unless 0 <= count <= convolutions().
  void freeze_first(Index count);

  // Whether training keeps the input of each block alone, and runs the block again for its
  // gradients (ag::checkpoint): the same bits, less memory, more time. The backbone must then
  // outlive the backward pass.
  void recompute_blocks(bool on) { recompute_ = on; }

 protected:
  template <class Block>
  [[nodiscard]] Var run_block(const Block& block, const Var& x) const {
    if (!recompute_) return block.forward(x);
    return ag::checkpoint(
        [&block](const std::vector<Var>& inputs) { return block.forward(inputs[0]); }, {x});
  }
  void add_convolution(ConvBnAct& convolution) { convolutions_.push_back(&convolution); }

 private:
  std::vector<ConvBnAct*> convolutions_;
  bool recompute_ = false;
};

// What the light backbone begins with: a 3x3 convolution of stride 2, or the 7x7 convolution of
// stride 4 of the paper's light model (section 4.8), after which the block of stride 2 that comes
// next has stride 1.
enum class LightStem { conv3x3, conv7x7 };

// The names that make_backbone knows: "mobilenet0.25", "resnet18", ... and, with the stride of a
// bottleneck in its first convolution (BottleneckStride), "resnet50_v1", ...
[[nodiscard]] std::vector<std::string> backbone_names();

// Throws ModelError unless it is one of them.
void check_backbone_name(const std::string& name);

// Throws ModelError: a name it does not know, the 7x7 stem on another backbone than the light one.
[[nodiscard]] std::unique_ptr<Backbone> make_backbone(const std::string& name,
                                                      const BlockStyle& style,
                                                      LightStem stem = LightStem::conv3x3);

}  // namespace rf
