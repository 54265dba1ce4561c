// Where the values of a plan lie in one block of memory: two that are alive at the same step never
// overlap.
#pragma once

#include <vector>

#include "engine/shape.hpp"

namespace rf {

// Alive from step `first`, which writes it, to step `last`, which is the last to read it.
struct Lifetime {
  Index bytes, first, last;
};

struct Placement {
  std::vector<Index> offset;  // bytes, multiples of 64, one for each lifetime
  Index bytes;                // of the whole block
};

// Largest first, each at the lowest place where it fits.
[[nodiscard]] Placement place(const std::vector<Lifetime>& values);

}  // namespace rf
