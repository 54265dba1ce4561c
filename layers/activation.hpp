// The activation after a convolution, as a value that a configuration can hold.
#pragma once

#include "autograd/var.hpp"

namespace rf {

struct Activation {
  enum class Kind { none, relu, leaky_relu };
  Kind kind = Kind::none;
  double slope = 0;  // of leaky_relu below zero

  [[nodiscard]] static Activation relu() { return {Kind::relu, 0}; }
  [[nodiscard]] static Activation leaky_relu(double slope) { return {Kind::leaky_relu, slope}; }
  friend bool operator==(const Activation&, const Activation&) = default;
};

[[nodiscard]] ag::Var activate(const ag::Var& x, const Activation& activation);

}  // namespace rf
