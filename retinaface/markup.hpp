// Text and numbers for SVG and HTML.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "engine/shape.hpp"

namespace rf {

// Safe between tags and within an attribute's double quotes, whatever the text: & < > " as
// entities, control characters as blanks.
[[nodiscard]] std::string escaped(std::string_view text);

// With this many decimals. Requires a finite value below 1e40.
[[nodiscard]] std::string fixed_number(double value, int decimals);

// The same without zeros at the end: 0.5, -3, 0.
[[nodiscard]] std::string decimal_number(double value, int decimals = 2);

// This many significant digits, for people: 0.0123, 4.10, 1.2e-7; "not finite" for what is not.
[[nodiscard]] std::string significant_number(double value, int digits);

// The same without zeros at the end: 0.01, 4.1.
[[nodiscard]] std::string trimmed_number(double value, int digits);

// 12 400, with a narrow space that does not break.
[[nodiscard]] std::string grouped_number(Index value);

[[nodiscard]] std::string base64(std::span<const std::byte> bytes);  // RFC 4648

}  // namespace rf
