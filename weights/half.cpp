#include "weights/half.hpp"

#include <bit>
#include <cmath>

#include "engine/check.hpp"

namespace rf {

// Sign, 5 bits of exponent with bias 15, 10 bits of fraction.
float widen_f16(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits >> 15) << 31;
  const std::uint32_t exponent = bits >> 10 & 31;
  const std::uint32_t fraction = bits & 1023;
  if (exponent == 0) {  // zero and subnormal: fraction * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide_exponent =
      exponent == 31 ? 255 : exponent + 127 - 15;  // 31: infinity and NaN
  return std::bit_cast<float>(sign | wide_exponent << 23 | fraction << 13);
}

float widen_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

Tensor widen(const Shape& shape, HalfKind kind, std::span<const std::byte> bytes) {
  RF_ASSERT(bytes.size() / 2 == static_cast<std::size_t>(shape.numel()));
  Tensor out = Tensor::empty(shape, DType::f32);
  const std::byte* source = bytes.data();
  for (float& value : out.span<float>()) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, source, 2);
    value = kind == HalfKind::f16 ? widen_f16(bits) : widen_bf16(bits);
    source += 2;
  }
  return out;
}

}  // namespace rf
