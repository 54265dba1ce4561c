// Var: a value in a computation, with room for its gradient. Copies are the same variable. Layers
// take and return Vars, so that one model definition serves training and inference.
#pragma once

#include <memory>
#include <utility>

#include "engine/tensor.hpp"

namespace rf::ag {

class Var {
 public:
  Var() : Var(Tensor()) {}
  explicit Var(Tensor value) : state_(std::make_shared<State>(State{std::move(value), Tensor()})) {}

  [[nodiscard]] const Tensor& value() const { return state_->value; }
  [[nodiscard]] const Shape& shape() const { return value().shape(); }

  // d loss / d value, of the shape of value; no elements until a backward pass has written it.
  [[nodiscard]] const Tensor& grad() const { return state_->grad; }

  // Replaces the value (a loaded parameter, an optimiser's step); every copy of this Var sees it.
  void set_value(Tensor value) { state_->value = std::move(value); }

 private:
  struct State {
    Tensor value, grad;
  };
  std::shared_ptr<State> state_;
};

}  // namespace rf::ag
