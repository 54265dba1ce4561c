// What a network looks like: its parts with the shapes of their outputs, as a tree of text and as a
// picture (RetinaFace Figure 2).
#pragma once

#include <string>
#include <vector>

#include "retinaface/model_config.hpp"
#include "retinaface/size_rule.hpp"

namespace rf {

// A level of one column of the picture: the backbone's, the pyramid's, a context module, anchors.
struct NetworkLevel {
  std::string name;  // C2, P2, context 2
  Shape output;      // [channels, height, width]
  std::string what;  // how it is made
  Index parameters;
};

struct NetworkDrawing {
  std::string title;
  ImageSize image;
  std::vector<NetworkLevel> backbone, pyramid, context;  // from the finest; those that are used
  std::vector<Index> anchors;                            // per level of the pyramid
  std::string heads;
  Index backbone_parameters, head_parameters, parameters;  // numbers to learn, the last of all
};

// For pictures of `image` pixels. Throws ModelError as RetinaFace.
[[nodiscard]] NetworkDrawing draw_network(const ModelConfig& config, ImageSize image);

[[nodiscard]] std::string tree_text(const NetworkDrawing& drawing);

// One picture that needs nothing else, readable on a light and a dark page.
[[nodiscard]] std::string network_svg(const NetworkDrawing& drawing);

}  // namespace rf
