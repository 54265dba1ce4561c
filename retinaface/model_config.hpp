// What a model file says about its network: the JSON of schema retinaface-model/1 as a struct
// (docs/weights-format.md).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "layers/activation.hpp"
#include "layers/backbone.hpp"
#include "layers/heads.hpp"

namespace rf {

struct BackboneConfig {
  std::string name;  // as make_backbone knows it
  Activation activation;
  double bn_eps = 1e-5;
  LightStem stem = LightStem::conv3x3;  // of mobilenet0.25
};

struct NeckConfig {  // FPN and context modules
  Index channels = 64;
  Activation activation;  // of lateral, merge and inner context convolutions
  double bn_eps = 1e-5;
  Bias bias = Bias::no;                         // of convolutions that a batch norm follows
  Deformation deformation = Deformation::none;  // of 3x3 layers, but P6's
};

enum class ChannelOrder { rgb, bgr };

struct InputConfig {  // value = (pixel - mean) * scale, pixel 0 .. 255; mean and scale are in the
                      // order of `order`
  ChannelOrder order = ChannelOrder::rgb;
  std::array<double, 3> mean{}, scale{1, 1, 1};
};

// The anchors of one level: one square of each size per cell, the centre of cell (row, column) at
// (column * stride + offset, row * stride + offset) pixels.
struct AnchorLevel {
  Index stride = 0;
  double offset = 0;
  std::vector<double> sizes;  // ascending
};

struct CodingConfig {
  double centre_variance = 0.1, size_variance = 0.2;
  bool plus_one = false;  // a box from x1 to x2 is x2 - x1 + 1 wide, as in the authors' MXNet code
  bool clip = false;      // boxes are cut to the image
};

struct NmsConfig {
  double iou = 0.4;
  bool plus_one = false;  // areas count x2 - x1 + 1
};

struct ModelConfig {
  std::string name;  // for people: "mobilenet0.25 (biubug6/Pytorch_Retinaface)"
  BackboneConfig backbone;
  NeckConfig neck;
  HeadSharing heads = HeadSharing::per_level;
  InputConfig input;
  std::vector<AnchorLevel> anchors;  // from the finest level
  CodingConfig coding;
  NmsConfig nms;
  std::string licence;     // of the weights, one sentence
  std::string provenance;  // where they come from, one sentence
};

// Throws ModelError, one line, naming the key: not JSON, another schema, a missing, unknown or
// senseless value.
[[nodiscard]] ModelConfig parse_model_config(const std::string& json_text);

// The JSON that parse_model_config reads; `sha256` is left empty (whoever writes the file knows
// it).
[[nodiscard]] std::string to_json(const ModelConfig& config);

}  // namespace rf
