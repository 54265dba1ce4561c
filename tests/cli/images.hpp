// Small pictures for the tests of the program, made here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.hpp"

namespace rf::test {

// A binary PPM of coloured noise.
[[nodiscard]] std::string noise_ppm(Index width, Index height, std::uint64_t seed = 1);

// The first 33 bytes of a PNG: signature and header for that size, nothing after.
[[nodiscard]] std::string png_header(std::uint32_t width, std::uint32_t height);

// Writes `content` as it is.
void put(const std::string& path, const std::string& content);
[[nodiscard]] std::string get(const std::string& path);

}  // namespace rf::test
