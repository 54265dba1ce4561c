// Weights to start training from: random, of a variance that keeps the size of activations (fan in)
// or of gradients (fan out) from layer to layer.
//   Xavier (Glorot and Bengio 2010, eq. (12) and (16)):  variance = 2 / (fan_in + fan_out)
//   Kaiming (He et al. 2015, eq. (15)):                  variance = 2 / ((1 + slope^2) fan)
// A fan is the number of inputs that one output sees, or of outputs that one input reaches. Normal
// numbers, or uniform ones in [-b, b) with b = sqrt(3 variance).
//
// Numbers belong to (seed, parameter's name) alone: they do not change with the threads, with the
// order of the parameters, or when the network gets another layer.
#pragma once

#include <cstdint>
#include <string>

#include "layers/module.hpp"

namespace rf {

enum class InitScheme { xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal };
enum class Fan { in, out };

struct InitOptions {
  InitScheme scheme = InitScheme::kaiming_normal;
  Fan fan = Fan::in;  // Kaiming: which one
  double slope = 0;   // Kaiming: of the leaky ReLU after the layer; 0 for ReLU, 1 for none
};

struct Fans {
  Index in, out;
};

// Of a weight [out, in / groups, kernel...] of a convolution or [out, in] of a linear layer. Throws
// ShapeError: a rank below 2, groups that do not divide `out`.
[[nodiscard]] Fans fans(const Shape& weight, Index groups = 1);

[[nodiscard]] double init_variance(const Fans& fans, const InitOptions& options);

// f32 values for one weight. Throws ShapeError as fans(); UsageError: a slope that is not finite.
[[nodiscard]] Tensor initial_weight(const std::string& name, const Shape& shape,
                                    const InitOptions& options, std::uint64_t seed,
                                    Index groups = 1);

// Draws every parameter called "weight" of rank 2 and up and sets the "bias" beside it to 0. All
// else stays as constructed: batch norm (gamma 1, beta 0), buffers. A shape does not tell groups:
// [C, 1, k, k] is taken for a depthwise convolution (groups C), all else for groups 1; a weight
// with other groups needs initial_weight, if fan out or Xavier is wanted.
void initialize(Module& module, const InitOptions& options, std::uint64_t seed);

}  // namespace rf
