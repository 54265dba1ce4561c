// The length of all gradients together, and keeping it within bounds (Pascanu et al. 2013).
#pragma once

#include <span>

#include "autograd/parameter.hpp"

namespace rf::ag {

// sqrt(sum g^2) over every element of the gradients that there are (has_gradient), added up in
// double in one order that depends on the shapes alone.
[[nodiscard]] double global_grad_norm(std::span<const Parameter> parameters);

// If the norm is above max_norm, replaces each gradient by itself times max_norm / norm. A norm
// that is not finite leaves the gradients as they are (finite.hpp says where it comes from). Gives
// the norm before. Throws UsageError: a max_norm that is not above 0.
double clip_grad_norm(std::span<const Parameter> parameters, double max_norm);

}  // namespace rf::ag
