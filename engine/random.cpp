#include "engine/random.hpp"

#include <cmath>
#include <numbers>

#include "engine/check.hpp"
#include "engine/math.hpp"

namespace rf {

PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53,
                          kMultiplier1 = 0xCD9E8D57;                 // Salmon et al., section 3.1
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;  // golden ratio, sqrt(3) - 1
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = kMultiplier0 * counter[0], b = kMultiplier1 * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Random::Random(std::uint64_t seed, RandomPurpose purpose, std::uint32_t step, std::uint32_t item)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      purpose_(static_cast<std::uint32_t>(purpose)),
      step_(step),
      item_(item) {}

std::uint32_t Random::next_u32() {
  if (used_ == 4) {
    words_ = philox4x32({block_++, item_, step_, purpose_}, key_);
    RF_ASSERT(block_ != 0);  // 2^34 numbers from one stream: the caller wants a stream per item
    used_ = 0;
  }
  return words_[static_cast<std::size_t>(used_++)];
}

float Random::uniform() { return static_cast<float>(next_u32() >> 8) * 0x1p-24F; }

float Random::uniform(float low, float high) { return low + (high - low) * uniform(); }

float Random::normal() {
  const double radius = std::sqrt(-2 * log(1.0 - static_cast<double>(uniform())));
  // cos(2 pi u) with u folded into [0, 1/8] would cost more than it saves; a short series does for
  // |x| <= pi.
  const double turn = static_cast<double>(uniform()) - 0.5;
  return static_cast<float>(radius * cos_turns(turn));
}

std::uint32_t Random::below(std::uint32_t n) {
  RF_ASSERT(n > 0);
  const std::uint32_t limit =
      0xFFFFFFFFU - (0xFFFFFFFFU % n + 1U) % n;  // the largest multiple of n, less one
  std::uint32_t x = next_u32();
  while (x > limit) x = next_u32();
  return x % n;
}

}  // namespace rf
