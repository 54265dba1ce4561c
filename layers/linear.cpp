#include "layers/linear.hpp"

#include "autograd/ops.hpp"

namespace rf {

Linear::Linear(Index in_features, Index out_features)
    : weight_(parameter("weight", {out_features, in_features})),
      bias_(parameter("bias", {out_features})) {}

Var Linear::forward(const Var& x) const { return ag::linear(x, weight_, bias_); }

}  // namespace rf
