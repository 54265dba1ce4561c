// 16-bit floating point elements of files, widened to f32.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "engine/tensor.hpp"

namespace rf {

enum class HalfKind { f16, bf16 };  // IEEE 754 binary16; the upper half of binary32

[[nodiscard]] float widen_f16(std::uint16_t bits);
[[nodiscard]] float widen_bf16(std::uint16_t bits);

// Requires: `bytes` holds two bytes, little-endian and of any alignment, per element of `shape`.
[[nodiscard]] Tensor widen(const Shape& shape, HalfKind kind, std::span<const std::byte> bytes);

}  // namespace rf
