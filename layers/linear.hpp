// A matrix and a bias of its own (engine/ops/linear.hpp).
#pragma once

#include "layers/module.hpp"

namespace rf {

// Parameters: weight [out, in], bias [out].
class Linear final : public Module {
 public:
  Linear(Index in_features, Index out_features);  // throws ShapeError: a size below 0
  [[nodiscard]] Var forward(const Var& x) const;  // [N, in] -> [N, out]

 private:
  Var weight_, bias_;
};

}  // namespace rf
