// The networks that have a name: those of the paper's Tables 3 and 5 and of the public releases.
#pragma once

#include <string>

#include "retinaface/model_config.hpp"

namespace rf {

// The network of three levels on this backbone, in the public releases' form: anchors of 16 to 512
// on strides 8, 16 and 32, blue-green-red minus the ImageNet mean; with mobilenet0.25 (section 4.8)
// 64 channels and leaky ReLU of 0.1, with a ResNet 256 channels and ReLU. Throws ModelError for a
// backbone it does not know.
[[nodiscard]] ModelConfig three_level_config(const std::string& backbone);

// The paper's network on a ResNet (section 4.2, Table 2): five levels of strides 4 to 64, the last
// from the 3x3 convolution on C5, three anchors per cell from 16 pixels on in steps of 2^(1/3),
// heads that all levels share, deformable layers (v2) in pyramid and context modules. Throws
// ModelError: a backbone it does not know, or whose finest level is coarser than stride 4.
[[nodiscard]] ModelConfig paper_config(const std::string& backbone);

// A network by what it is called on the command line.
struct NetworkChoice {
  std::string network = "three-level";  // three-level or paper
  std::string backbone = "mobilenet0.25";
  std::string deformable = "auto";  // none, v1, v2; auto: as the network has it
  std::string stem = "3x3";         // 3x3 or 7x7, of mobilenet0.25
};

// Throws UsageError, naming the flag: a word that is not known, parts that do not go together.
[[nodiscard]] ModelConfig network_config(const NetworkChoice& choice);

}  // namespace rf
