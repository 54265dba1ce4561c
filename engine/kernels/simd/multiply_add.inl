// Multiply-adds on registers alone: the limit that kernels are compared with.
namespace rf {
namespace {

// Independent ones, so that none waits for the one before it: with the two constants they fill the
// 16 registers that the smallest instruction set has.
constexpr int kChains = 14;

float multiply_add(Index rounds, float factor, float term) noexcept {
  const Vec m(factor), a(term);
  Vec x[kChains];
  for (int i = 0; i < kChains; ++i) x[i] = Vec(static_cast<float>(i));  // no two are the same
  for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 14
    for (int i = 0; i < kChains; ++i) x[i] = xsimd::fma(x[i], m, a);
  }
  Vec sum(0.0F);
  for (int i = 0; i < kChains; ++i) sum += x[i];
  return sum_lanes(sum);
}

}  // namespace
}  // namespace rf
