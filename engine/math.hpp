// exp, log, tanh and cosine of our own: the C library picks an implementation by CPU, and results
// must not depend on the CPU. Basic operations in double, no contraction; within 2 units in the
// last place of double, but for those that say otherwise.
#pragma once

namespace rf {

[[nodiscard]] double exp(double x) noexcept;
[[nodiscard]] float exp(float x) noexcept;      // the double result, rounded
[[nodiscard]] double expm1(double x) noexcept;  // e^x - 1, within 3 units also where x is near 0
[[nodiscard]] float expm1(float x) noexcept;
[[nodiscard]] double log(double x) noexcept;
[[nodiscard]] float log(float x) noexcept;
[[nodiscard]] double tanh(double x) noexcept;  // within 4 units
[[nodiscard]] float tanh(float x) noexcept;

// cos(2 pi t) for |t| <= 0.5, within 1e-14.
[[nodiscard]] double cos_turns(double t) noexcept;

}  // namespace rf
