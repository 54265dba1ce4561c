// The processes that train one network together. Alone, by default; who starts several says so
// (retinaface/cli/mpi_world.hpp).
#pragma once

#include <span>

namespace rf {

class World {
 public:
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  // This process among them: 0 <= rank() < size(). Rank 0 writes the files.
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;

  // values[i] becomes the sum of values[i] over all processes, added in the order of their ranks:
  // the same bits in each. Every process must come to the same calls with as many values, in the
  // same order; it waits here for the others.
  virtual void sum(std::span<float> values) = 0;
  virtual void sum(std::span<double> values) = 0;

  // The sum of one number over all processes.
  [[nodiscard]] double sum_of(double value) {
    sum(std::span(&value, 1));
    return value;
  }
};

// The one in use: of a single process, whose sums change nothing, unless another was set.
[[nodiscard]] World& world();

// Requires: nothing computes meanwhile, and `world` lives until another is set; nullptr: alone.
void set_world(World* world);

}  // namespace rf
