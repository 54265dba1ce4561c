// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A number depends on its key and counter alone, never on which thread asks or
// in what order.
#pragma once

#include <array>
#include <cstdint>

namespace rf {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// The bijection itself: four 32-bit words of counter and two of key in, four random words out.
[[nodiscard]] PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key);

// What the numbers are for, so that two uses of one seed never share numbers.
enum class RandomPurpose : std::uint32_t {
  initialise = 1,
  augment = 2,
  sample = 3,
  test = 4,
  face = 5,
  synthetic = 6
};

// The stream of numbers that belongs to (seed, purpose, step, item). Copyable; drawing advances it.
class Random {
 public:
  Random(std::uint64_t seed, RandomPurpose purpose, std::uint32_t step = 0, std::uint32_t item = 0);

  std::uint32_t next_u32();
  float uniform();  // [0, 1), multiples of 2^-24
  float uniform(float low, float high);
  float normal();                        // mean 0, standard deviation 1 (Box-Muller)
  std::uint32_t below(std::uint32_t n);  // 0 .. n-1, unbiased; requires n > 0

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t purpose_, step_, item_;
  std::uint32_t block_ = 0;
  PhiloxBlock words_{};
  int used_ = 4;
};

}  // namespace rf
