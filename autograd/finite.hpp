// What to do when a loss or a gradient is infinite or not a number.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "autograd/parameter.hpp"

namespace rf::ag {

// What is first not finite: the loss, else the gradients in this order. "loss is nan", "gradient of
// fpn.merge.0.conv.weight is inf at index 17" (row-major). Nothing if all is finite. The loss is
// f32 or f64; throws ShapeError otherwise.
[[nodiscard]] std::optional<std::string> first_non_finite(const Tensor& loss,
                                                          std::span<const Parameter> parameters);

enum class OnNonFinite {
  stop,  // end the training with an error
  skip,  // leave out this step
  go_on  // take the step all the same
};

struct StepVerdict {
  bool take_step;
  std::string found;  // what was not finite, for the log; empty when all is finite
};

// To be called between backward() and Optimizer::step(). Throws TrainingError with what was found,
// if the policy is to stop.
[[nodiscard]] StepVerdict judge_step(const Tensor& loss, std::span<const Parameter> parameters,
                                     OnNonFinite policy);

}  // namespace rf::ag
