// A convolution with weights of its own (engine/ops/conv2d.hpp, equation (1)).
#pragma once

#include "engine/ops/conv2d.hpp"
#include "layers/module.hpp"

namespace rf {

enum class Bias { no, yes };

struct Conv2dOptions {
  Index in_channels, out_channels, kernel;
  Index stride = 1;
  Index groups = 1;
  Bias bias = Bias::no;
};

// Square kernel, padded by (kernel - 1) / 2: stride 1 keeps the size. Parameters: weight [out, in /
// groups, kernel, kernel] and, with a bias, bias [out].
class Conv2d final : public Module {
 public:
  explicit Conv2d(const Conv2dOptions& options);
  [[nodiscard]] Var forward(
      const Var& x) const;  // [N, in, H, W] -> [N, out, ceil(H / stride), ceil(W / stride)]

  [[nodiscard]] const Conv2dParams& params() const { return params_; }
  [[nodiscard]] const Var& weight() const { return weight_; }
  [[nodiscard]] const Var& bias() const { return bias_; }

 private:
  Conv2dParams params_;
  Var weight_, bias_;  // bias_ has no elements when there is none
};

}  // namespace rf
