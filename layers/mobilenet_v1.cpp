#include "layers/mobilenet_v1.hpp"

#include "engine/check.hpp"

namespace rf {

MobileNetV1::MobileNetV1(const BlockStyle& style, LightStem stem)
    : stem_({.in_channels = 3,
             .out_channels = 8,
             .kernel = stem == LightStem::conv7x7 ? 7 : 3,
             .stride = stem == LightStem::conv7x7 ? 4 : 2},
            style) {
  struct Block {
    Index out_channels, stride;
  };
  const std::vector<std::vector<Block>> stages = {
      {{16, 1}, {32, stem == LightStem::conv7x7 ? 1 : 2}, {32, 1}, {64, 2}, {64, 1}},
      {{128, 2}, {128, 1}, {128, 1}, {128, 1}, {128, 1}, {128, 1}},
      {{256, 2}, {256, 1}},
  };
  child("stage1.0", stem_);
  add_convolution(stem_);
  Index channels = 8;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    auto& blocks = stages_.emplace_back();
    for (const Block& block : stages[s]) {
      const std::size_t index = blocks.size() + (s == 0 ? 1 : 0);  // stage1.0 is the stem
      blocks.push_back(
          std::make_unique<SeparableBlock>(channels, block.out_channels, block.stride, style));
      child(message("stage", s + 1, ".", index), *blocks.back());
      for (ConvBnAct* convolution : blocks.back()->convolutions()) {
        add_convolution(*convolution);
      }
      channels = block.out_channels;
    }
  }
}

std::vector<Var> MobileNetV1::forward(const Var& image) const {
  std::vector<Var> outputs;
  Var x = stem_.forward(image);
  for (const auto& blocks : stages_) {
    for (const auto& block : blocks) x = run_block(*block, x);
    outputs.push_back(x);
  }
  return outputs;
}

}  // namespace rf
