// Recomputation (Chen et al. 2016, "Training deep nets with sublinear memory cost"): a block keeps
// its inputs alone, and its forward pass is run again when backward reaches it.
#pragma once

#include <functional>
#include <vector>

#include "autograd/var.hpp"

namespace rf::ag {

// block(inputs), with nothing inside the block remembered until backward comes to it. Value and
// gradients, also those of parameters that the block uses without being given them, are bit-equal
// to calling the block directly. Requires the block to be a function of its inputs and parameters:
// called again it must do the same (batch norm's running statistics are updated once, recomputing()
// tells). It costs one more forward pass.
[[nodiscard]] Var checkpoint(const std::function<Var(const std::vector<Var>&)>& block,
                             const std::vector<Var>& inputs);

}  // namespace rf::ag
