// The activation after a convolution, as a value that a configuration can hold.
#pragma once

namespace rf {

struct Activation {
  enum class Kind { none, relu, leaky_relu };
  Kind kind = Kind::none;
  double slope = 0;  // of leaky_relu below zero

  [[nodiscard]] static Activation relu() { return {Kind::relu, 0}; }
  [[nodiscard]] static Activation leaky_relu(double slope) { return {Kind::leaky_relu, slope}; }

  // y = z for z > 0, output_slope() z otherwise: what BatchNormParams::slope wants.
  [[nodiscard]] double output_slope() const { return kind == Kind::none ? 1 : slope; }
  friend bool operator==(const Activation&, const Activation&) = default;
};

}  // namespace rf
