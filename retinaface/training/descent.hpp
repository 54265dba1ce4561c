// One step of a stage of the dense branch, from its loss to its weights.
#pragma once

#include <span>
#include <string>

#include "autograd/optimizer.hpp"

namespace rf {

struct Descent {
  double learning_rate;
  double clip;  // largest norm of the gradient; 0: any
};

// Gradients of `loss`, clipped; a step of the optimiser; gradients cleared. Gives the norm before
// clipping. Throws TrainingError: a loss or a gradient that is not finite.
double descend(const ag::Var& loss, std::span<const ag::Parameter> parameters,
               ag::Optimizer& optimizer, const Descent& how);

// The number in a scalar; 0 for a Var without elements: a term that was left out.
[[nodiscard]] double scalar_value(const ag::Var& loss);

// The cosine that all stages follow, of the share of the training that is done: up from 0 over the
// warm-up, down to the end.
struct StageRate {
  double peak, end, warm_up;  // warm_up: a share
  [[nodiscard]] double operator()(double share) const;
};

}  // namespace rf
