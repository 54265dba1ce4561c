// Rows of bytes from one tensor to another: what concat and slice are made of.
#pragma once

#include <cstddef>

#include "engine/shape.hpp"

namespace rf {

// `count` rows of `row_bytes` each, which lie from_pitch bytes apart, to places to_pitch bytes
// apart. Long rows are cut so that threads share them.
void copy_rows(const std::byte* from, Index from_pitch, std::byte* to, Index to_pitch, Index count,
               Index row_bytes);

}  // namespace rf
