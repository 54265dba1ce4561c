// exp, log and cosine of our own: the C library picks an implementation by CPU, and results must
// not depend on the CPU. Basic operations in double, no contraction; within 2 units in the last
// place of double.
#pragma once

namespace rf {

[[nodiscard]] double exp(double x) noexcept;
[[nodiscard]] float exp(float x) noexcept;  // the double result, rounded
[[nodiscard]] double log(double x) noexcept;
[[nodiscard]] float log(float x) noexcept;

// cos(2 pi t) for |t| <= 0.5, within 1e-14.
[[nodiscard]] double cos_turns(double t) noexcept;

}  // namespace rf
