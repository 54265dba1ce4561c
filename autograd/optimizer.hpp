// Optimizer: changes parameters along their gradients. The rules are in sgd.cpp and adam.cpp; this
// is what they share: groups, state, and what is left alone.
//
//   Sgd optimizer({{.parameters = weights, .weight_decay = 5e-4}}, {.momentum = 0.9});
//   loss.backward();
//   optimizer.step(schedule(epoch));
//   optimizer.clear_grads();
#pragma once

#include <vector>

#include "autograd/parameter.hpp"
#include "engine/state_dict.hpp"

namespace rf::ag {

// Parameters that are treated alike.
struct ParameterGroup {
  std::vector<Parameter> parameters;
  double learning_rate_scale = 1;  // the group's learning rate is this times that of step()
  double weight_decay = 0;
};

class Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  // One step on every parameter that has a gradient. One that wants none (frozen) or got none is
  // left alone: no decay, no momentum, no count of a step. Each value is replaced by a new tensor,
  // so that tensors taken earlier (a saved state, a mapped file) keep theirs. The same bits for any
  // number of threads. Throws, and changes nothing: UsageError, a learning rate that is negative or
  // not finite; ShapeError, a parameter whose value was replaced by one of another shape or type.
  void step(double learning_rate);

  void clear_grads();

  // What the next steps depend on beside values and gradients, for a checkpoint: per parameter that
  // took a step "steps/<name>" (i64, how many) and the rule's own, such as "velocity/<name>". Later
  // steps do not change the tensors.
  [[nodiscard]] StateDict state() const;

  // Goes on from there, bit for bit. Parameters that `state` does not mention start afresh. Throws
  // ShapeError, and changes nothing: a tensor of another shape or type, one that is missing beside
  // others of its parameter, or one of no parameter or rule of this optimiser.
  void load_state(const StateDict& state);

 protected:
  // One parameter's step.
  struct Step {
    const Tensor &weight, &gradient;  // of one shape, both f32 or both f64
    double learning_rate, weight_decay;
    Index number;  // 1 for the first
  };

  // `buffer_names`: what the rule keeps per parameter, each zero at first and of the weight's shape
  // and type. Throws UsageError: a scale or decay that is negative or not finite, a name or a
  // variable that is given twice, a name that is empty, values that are not f32 or f64.
  Optimizer(const std::vector<ParameterGroup>& groups, std::vector<std::string> buffer_names);

 private:
  // The rule: gives the new weight and replaces the buffers (never writes into them).
  [[nodiscard]] virtual Tensor update(const Step& step, std::vector<Tensor>& buffers) const = 0;

  struct Slot {
    Parameter parameter;
    double learning_rate_scale, weight_decay;
    Index steps = 0;
    std::vector<Tensor> buffers;  // none before the first step
  };
  void check(const Slot& slot) const;

  std::vector<Slot> slots_;
  std::vector<std::string> buffer_names_;
};

}  // namespace rf::ag
