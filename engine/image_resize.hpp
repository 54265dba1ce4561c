// Resizing of pictures, antialiased: what detect --size does before the network.
#pragma once

#include "engine/image.hpp"

namespace rf {

// Separable triangle (linear) filter with pixel centres at half-integers. Enlarging is bilinear
// interpolation; shrinking by s widens the triangle to a radius of s source pixels, so that every
// source pixel counts (no aliasing). Weights are computed in double and sum to 1; the result is
// rounded to nearest, independent of the CPU, the instruction set and the number of threads.
// Requires image, width, height >= 1 (ShapeError).
[[nodiscard]] Image resize(const Image& image, Index width, Index height);

}  // namespace rf
