// Adam (Kingma and Ba 2015, algorithm 1) with weight decay as PyTorch's Adam has it: added to the
// gradient (L2), not taken off the weight afterwards (AdamW). For the t-th step of a weight w with
// gradient g, learning rate r and weight decay d:
//   g' = g + d w,   m <- b1 m + (1 - b1) g',   v <- b2 v + (1 - b2) g'^2,   m = v = 0 at first,
//   w <- w - r mh / (sqrt(vh) + eps),   mh = m / (1 - b1^t),   vh = v / (1 - b2^t).
// Each parameter counts its own steps t, so that one that joins late is corrected as a new one.
#pragma once

#include "autograd/optimizer.hpp"

namespace rf::ag {

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;  // in [0, 1)
  double eps = 1e-8;                  // 1e-37 or more
};

// State: "mean/<name>" (m) and "square/<name>" (v).
class Adam final : public Optimizer {
 public:
  // Throws UsageError.
  explicit Adam(const std::vector<ParameterGroup>& groups, const AdamOptions& options = {});

 private:
  [[nodiscard]] Tensor update(const Step& step, std::vector<Tensor>& buffers) const override;

  AdamOptions options_;
};

}  // namespace rf::ag
