// Stochastic gradient descent with momentum, as PyTorch defines it (no dampening, no Nesterov). For
// a weight w with gradient g, learning rate r, momentum m and weight decay d:
//   v <- m v + (g + d w),   w <- w - r v,   v = 0 at first.
// The learning rate is outside of v, so a change of it takes effect at once.
#pragma once

#include "autograd/optimizer.hpp"

namespace rf::ag {

struct SgdOptions {
  double momentum = 0.9;  // in [0, 1)
};

// State: "velocity/<name>".
class Sgd final : public Optimizer {
 public:
  // Throws UsageError.
  explicit Sgd(const std::vector<ParameterGroup>& groups, const SgdOptions& options = {});

 private:
  [[nodiscard]] Tensor update(const Step& step, std::vector<Tensor>& buffers) const override;

  SgdOptions options_;
};

}  // namespace rf::ag
