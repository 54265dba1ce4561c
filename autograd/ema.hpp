// An exponential moving average of weights (Polyak and Juditsky 1992; with this warm-up as in
// TensorFlow's ExponentialMovingAverage): smoother than the weights of any one step, and often
// better at test time.
#pragma once

#include <vector>

#include "autograd/parameter.hpp"
#include "engine/state_dict.hpp"

namespace rf::ag {

struct EmaOptions {
  double decay = 0.999;  // in [0, 1)
  // Whether to use min(decay, (1 + t) / (10 + t)), t = 0, 1, .. counting the updates before this
  // one, so that the weights of the start are forgotten within the first few updates.
  bool warm_up = true;
};

class Ema {
 public:
  // The average starts as a copy of the values. Throws UsageError: a decay outside [0, 1), a name
  // that is given twice, values that are not f32 or f64.
  explicit Ema(std::vector<Parameter> parameters, const EmaOptions& options = {});

  // To be called after each step of the optimiser: average <- average + (1 - decay) (weight -
  // average) for every parameter, frozen ones too (one that equals its average stays the same to
  // the bit). Throws ShapeError: a value replaced by one of another shape or type.
  void update();

  // `live` (the model's state_dict()) with averages in place of the parameters, and copies of all
  // else, such as running statistics, as they are now. Throws ShapeError: a parameter that is not
  // in `live`, or is of another shape or type.
  [[nodiscard]] StateDict averaged(const StateDict& live) const;

  // For a checkpoint: "average/<name>" and "updates" (i64). Later updates do not change the
  // tensors.
  [[nodiscard]] StateDict state() const;

  // Goes on from there, bit for bit. Throws ShapeError, and changes nothing, unless `state` has
  // exactly these tensors.
  void load_state(const StateDict& state);

 private:
  std::vector<Parameter> parameters_;
  std::vector<Tensor> averages_;
  EmaOptions options_;
  Index updates_ = 0;
};

}  // namespace rf::ag
